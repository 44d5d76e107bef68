"""Stored events in the two forms that collectors of security events read: OCSF 1.5 (JSON) and CEF 0.

Both take the columns of an event as the trail spells them, and neither loses one.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final

type Columns = Mapping[str, Any]

_PRODUCT: Final = "Inventory"
_IAM: Final = 3
_AUTHENTICATION: Final = 3002
_ENTITY_MANAGEMENT: Final = 3004
# The activity's number and name in its class.
_LOGON, _LOGOFF = (1, "Logon"), (2, "Logoff")
_CREATE, _UPDATE, _DELETE, _OTHER = (1, "Create"), (3, "Update"), (4, "Delete"), (99, "Other")
_SESSIONS: Final = {"user.signed_in": _LOGON, "session.ended": _LOGOFF, "session.reuse_detected": _LOGOFF}
_VERBS: Final = {
    "created": _CREATE,
    "inserted": _CREATE,
    "posted": _CREATE,
    "granted": _CREATE,
    "added": _CREATE,
    "changed": _UPDATE,
    "updated": _UPDATE,
    "archived": _UPDATE,
    "restored": _UPDATE,
    "closed": _UPDATE,
    "deleted": _DELETE,
    "removed": _DELETE,
    "truncated": _DELETE,
}
_EXACT_DIGITS: Final = 15
_INFORMATIONAL, _HIGH = (1, "Informational", 3), (4, "High", 8)  # OCSF's number and name, CEF's number


def ocsf(columns: Columns, *, version: str) -> str:
    """Return an event as one line of JSON: Authentication for sessions, Entity Management for all else.

    `version` is the program's.
    """
    action = columns["action"]
    is_session = action in _SESSIONS
    kind = _AUTHENTICATION if is_session else _ENTITY_MANAGEMENT
    number, name = _SESSIONS[action] if is_session else _VERBS.get(action.rpartition(".")[2], _OTHER)
    severity = _severity(action)
    object_ = {"uid": columns["object_id"], "type": columns["object_type"]}
    event = {
        "activity_id": number,
        "activity_name": name,
        "category_uid": _IAM,
        "class_uid": kind,
        "type_uid": kind * 100 + number,
        "time": _milliseconds(columns["occurred_at"]),
        "severity_id": severity[0],
        "severity": severity[1],
        "status_id": 1,
        "metadata": {
            "version": "1.5.0",
            "product": {"name": _PRODUCT, "vendor_name": _PRODUCT, "version": version},
            "uid": columns["id"],
            "sequence": columns["seq"],
            "event_code": action,
            "correlation_uid": columns["request_id"],
            "logged_time": _milliseconds(columns["at"]),
        },
        "actor": {"user": {"uid": columns["actor_id"]}, "session": {"uid": columns["session_id"]}},
        "src_endpoint": {"ip": _address(columns)},
        **(
            {"user": {"uid": columns["object_id"]}, "session": {"uid": columns["session_id"]}}
            if is_session
            else {
                "entity": {**object_, "data": _json(columns["before"])},
                "entity_result": {**object_, "data": _json(columns["after"])},
            }
        ),
        "comment": columns["reason"],
        "unmapped": {name: columns[name] for name in ("on_behalf_of", "epoch", "xid")},
    }
    # In ASCII: a letter that ends a line or turns its direction does so in no collector's view.
    return json.dumps(event, separators=(",", ":"))


def cef(columns: Columns, *, version: str) -> str:
    """Return an event as one line of ArcSight's Common Event Format; what is absent is left out."""
    action = columns["action"]
    head = ["CEF:0", *map(_in_head, (_PRODUCT, _PRODUCT, version, action, action)), str(_severity(action)[2])]
    address = _address(columns)
    is_v6 = address is not None and ip_address(address).version == 6  # noqa: PLR2004  (a name, not a number)
    facts = {
        "rt": _milliseconds(columns["occurred_at"]),
        "externalId": columns["seq"],
        "act": action,
        "outcome": "success",
        "suid": columns["actor_id"],
        "c6a2" if is_v6 else "src": address,
        "reason": columns["reason"] or None,
        **_labelled("cs1", "object", f"{columns['object_type']} {columns['object_id']}"),
        **_labelled("cs2", "requestId", columns["request_id"]),
        **_labelled("cs3", "before", columns["before"]),
        **_labelled("cs4", "after", columns["after"]),
        **_labelled("cs5", "sessionId", columns["session_id"]),
        **_labelled("cs6", "onBehalfOf", columns["on_behalf_of"]),
        **_labelled("flexString1", "event", f"{columns['id']} {columns['epoch']} {columns['xid']} {columns['at']}"),
    }
    return "|".join([*head, " ".join(f"{key}={_in_fact(value)}" for key, value in facts.items() if value is not None)])


def _severity(action: str) -> tuple[int, str, int]:
    return _HIGH if action.startswith("sql.") or action == "session.reuse_detected" else _INFORMATIONAL


def _milliseconds(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp() * 1000)


def _address(columns: Columns) -> str | None:
    """Return an address without the length of its network, which PostgreSQL may spell with it."""
    return None if columns["ip"] is None else str(columns["ip"]).partition("/")[0]


def _json(text: str | None) -> Any:
    """Return a state as JSON, in which what no double could hold exactly is text."""
    return None if text is None else json.loads(text, parse_float=str, parse_int=_whole)


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _EXACT_DIGITS else digits


def _labelled(key: str, label: str, value: str | None) -> dict[str, str]:
    return {} if value is None else {f"{key}Label": label, key: value}


def _in_head(value: str) -> str:
    return _on_one_line(value.replace("\\", "\\\\").replace("|", "\\|"))


def _in_fact(value: object) -> str:
    return _on_one_line(str(value).replace("\\", "\\\\").replace("=", "\\="))


def _on_one_line(text: str) -> str:
    """Spell what ends a line, or steers a terminal: no text of ours begins another event (ASVS V16.4.1)."""
    escaped = text.replace("\r", "\\r").replace("\n", "\\n")
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in escaped)
