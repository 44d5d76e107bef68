"""Stored events in the two forms that collectors of security events read: OCSF 1.5 (JSON) and CEF 0.

Both take the columns of an event as the trail spells them, and neither loses a fact.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final

from audit._refusals import AUTHENTICATION_FAILED, AUTHORIZATION_FAILED

type Columns = Mapping[str, Any]

_PRODUCT: Final = "Inventory"
_IAM: Final = 3
_AUTHENTICATION: Final = 3002
_AUTHORIZE_SESSION: Final = 3003
_ENTITY_MANAGEMENT: Final = 3004
# The activity's number and name in its class.
_LOGON, _LOGOFF, _ASSIGN_PRIVILEGES = (1, "Logon"), (2, "Logoff"), (1, "Assign Privileges")
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
# OCSF's number and name, CEF's number.
_INFORMATIONAL, _MEDIUM, _HIGH = (1, "Informational", 3), (3, "Medium", 5), (4, "High", 8)
_SERVICE: Final = {"name": _PRODUCT}
_REFUSALS: Final = {
    AUTHENTICATION_FAILED: (_AUTHENTICATION, _LOGON),
    AUTHORIZATION_FAILED: (_AUTHORIZE_SESSION, _ASSIGN_PRIVILEGES),
}


def ocsf(columns: Columns, *, version: str) -> str:
    """Return an event as one line of JSON: Authentication, Authorize Session, or Entity Management for all else.

    `version` is the program's.
    """
    kind, number, name, facts = _classified(columns)
    severity = _severity(columns["action"])
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
        "status": "Success",
        "metadata": {
            "version": "1.5.0",
            "product": {**_SERVICE, "vendor_name": _PRODUCT, "version": version},
            "uid": columns["id"],
            "sequence": columns["seq"],
            "event_code": columns["action"],
            "correlation_uid": columns["request_id"] or None,
            "logged_time": _milliseconds(columns["at"]),
        },
        # The program itself, where nobody asked.
        "actor": _known(user=_uid(columns["actor_id"]), session=_uid(columns["session_id"])) or {"app_name": _PRODUCT},
        "src_endpoint": _known(ip=_address(columns)) or None,
        **facts,
        "unmapped": _known(
            **{name: columns[name] for name in ("on_behalf_of", "epoch", "xid")}, **_states(columns, kind)
        ),
    }
    event["metadata"] = _known(**event["metadata"])
    # In ASCII: a letter that ends a line or turns its direction does so in no collector's view.
    return json.dumps(_known(**event), separators=(",", ":"))


def cef(columns: Columns, *, version: str) -> str:
    """Return an event as one line of ArcSight's Common Event Format; what is absent is left out."""
    action = columns["action"]
    head = ["CEF:0", *map(_in_head, (_PRODUCT, _PRODUCT, version, action, action)), str(_severity(action)[2])]
    address = _address(columns)
    is_v6 = address is not None and ip_address(address).version == 6  # noqa: PLR2004  (a name, not a number)
    refused = _refused(columns)
    facts = {
        "rt": _milliseconds(columns["occurred_at"]),
        "externalId": columns["seq"],
        "act": action,
        "outcome": "failure" if refused else "success",
        "cnt": refused.get("count"),
        "suid": columns["actor_id"],
        "duid": refused.get("account"),
        "c6a2" if is_v6 else "src": address,
        "reason": columns["reason"] or None,
        **_labelled("cs1", "object", f"{columns['object_type']} {columns['object_id']}"),
        **_labelled("cs2", "requestId", columns["request_id"] or None),
        **_labelled("cs3", "before", columns["before"]),
        **_labelled("cs4", "after", columns["after"]),
        **_labelled("cs5", "sessionId", columns["session_id"]),
        **_labelled("cs6", "onBehalfOf", columns["on_behalf_of"]),
        **_labelled("flexString1", "event", f"{columns['id']} {columns['epoch']} {columns['xid']} {columns['at']}"),
    }
    return "|".join([*head, " ".join(f"{key}={_in_fact(value)}" for key, value in facts.items() if value is not None)])


def is_grave(action: str) -> bool:
    """Tell whether somebody should look at it."""
    return _severity(action) is not _INFORMATIONAL


def _classified(columns: Columns) -> tuple[int, int, str, dict[str, Any]]:
    """Return an event's class, the number and the name of its activity in it, and what the class asks for."""
    action = columns["action"]
    if action in _REFUSALS:
        kind, activity = _REFUSALS[action]
        return kind, *activity, _facts_of_refusal(columns, _refused(columns), kind)
    if action in _SESSIONS:
        session = _uid(columns["session_id"])
        facts = {"user": _uid(columns["object_id"]), "session": session, "service": _SERVICE}
        facts["status_detail"] = columns["reason"] or None
        return _AUTHENTICATION, *_SESSIONS[action], facts
    object_ = {"uid": columns["object_id"], "type": columns["object_type"]}
    entity = _known(**object_, data=_json(columns["before"]))
    result = _known(**object_, data=_json(columns["after"]))
    facts = {"entity": entity, "entity_result": result, "comment": columns["reason"] or None}
    return _ENTITY_MANAGEMENT, *_VERBS.get(action.rpartition(".")[2], _OTHER), facts


def _states(columns: Columns, kind: int) -> dict[str, Any]:
    """Return the state around a change where its class has no place for it."""
    if kind == _ENTITY_MANAGEMENT:
        return {}
    return {"object_type": columns["object_type"], "before": _json(columns["before"]), "after": _json(columns["after"])}


def _facts_of_refusal(columns: Columns, refused: Mapping[str, Any], kind: int) -> dict[str, Any]:
    # Whose account was tried, or who asked. A class that is about a user asks for one, known or not.
    user = _uid(refused.get("account") or columns["actor_id"]) or {"name": "unknown"}
    asked = columns["object_id"]
    return {
        "status_id": 2,
        "status": "Failure",
        "status_code": str(refused.get("code", "")) or None,
        "status_detail": columns["reason"] or None,
        "count": refused.get("count", 1),
        "start_time": _milliseconds(columns["occurred_at"]),
        "end_time": _milliseconds(refused.get("last_at", columns["occurred_at"])),
        "user": user,
        "session": _uid(columns["session_id"]),
        **({"service": _SERVICE} if kind == _AUTHENTICATION else {"privileges": [asked]}),
        "message": f"{asked} was refused",
    }


def _refused(columns: Columns) -> Mapping[str, Any]:
    """Return what is known of refused requests; empty for everything else."""
    return (_json(columns["after"]) or {}) if columns["action"] in _REFUSALS else {}


def _known(**facts: Any) -> dict[str, Any]:
    """Return what is there: OCSF has no nulls, and an object without a name is none."""
    return {name: value for name, value in facts.items() if value is not None}


def _uid(uid: str | None) -> dict[str, str] | None:
    return None if uid is None else {"uid": uid}


def _severity(action: str) -> tuple[int, str, int]:
    if action in _REFUSALS:
        return _MEDIUM
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
