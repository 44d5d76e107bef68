"""Events as collectors read them: every fact is there, and no text of ours begins a line of its own."""

import json
import re
from typing import Any

import pytest
from ocsf_schema import problems_of

from audit import AUTHENTICATION_FAILED, AUTHORIZATION_FAILED, cef, is_grave, ocsf

FAILED = [AUTHENTICATION_FAILED, AUTHORIZATION_FAILED]
AFTER_REFUSAL = (
    '{"code": "sign_in_refused", "count": 3, "status": 401, "account": "00000000-0000-0000-0000-000000000003", '
    '"last_at": "2026-11-23T10:30:02.000000Z"}'
)

COLUMNS: dict[str, Any] = {
    "seq": 7,
    "epoch": 1,
    "xid": "900",
    "id": "01a20939-3721-7423-8017-8a357f202a5c",
    "at": "2026-11-23T10:30:00.250000Z",
    "occurred_at": "2026-11-23T10:30:00.125000Z",
    "actor_id": "00000000-0000-0000-0000-000000000001",
    "on_behalf_of": None,
    "session_id": "00000000-0000-0000-0000-000000000002",
    "ip": "192.0.2.1/32",
    "request_id": "request-1",
    "action": "party.changed",
    "object_type": "party",
    "object_id": "p-1",
    "before": '{"n": 1.50}',
    "after": None,
    "reason": "",
}


def test_l5_ocsf_has_every_fact() -> None:
    assert json.loads(ocsf(COLUMNS, version="0.1.0")) == {
        "activity_id": 3,
        "activity_name": "Update",
        "category_uid": 3,
        "class_uid": 3004,
        "type_uid": 300403,
        "time": 1795429800125,
        "severity_id": 1,
        "severity": "Informational",
        "status_id": 1,
        "status": "Success",
        "metadata": {
            "version": "1.5.0",
            "product": {"name": "Inventory", "vendor_name": "Inventory", "version": "0.1.0"},
            "uid": COLUMNS["id"],
            "sequence": 7,
            "event_code": "party.changed",
            "correlation_uid": "request-1",
            "logged_time": 1795429800250,
        },
        "actor": {"user": {"uid": COLUMNS["actor_id"]}, "session": {"uid": COLUMNS["session_id"]}},
        "src_endpoint": {"ip": "192.0.2.1"},
        "entity": {"uid": "p-1", "type": "party", "data": {"n": "1.50"}},
        "entity_result": {"uid": "p-1", "type": "party"},
        "unmapped": {"epoch": 1, "xid": "900"},
    }


@pytest.mark.parametrize(
    ("action", "kind", "severity"),
    [
        ("user.signed_in", 300201, 1),
        ("session.ended", 300202, 1),
        ("session.reuse_detected", 300202, 4),
        ("authentication.failed", 300201, 3),
        ("authorization.failed", 300301, 3),
        ("stock.posted", 300401, 1),
        ("party.deleted", 300404, 1),
        ("sql.updated", 300403, 4),
        ("something.else", 300499, 1),
    ],
)
def test_l5_ocsf_names_the_kind_and_how_grave_it_is(action: str, kind: int, severity: int) -> None:
    event = json.loads(ocsf({**COLUMNS, "action": action}, version="0.1.0"))

    assert (event["type_uid"], event["severity_id"]) == (kind, severity)
    assert is_grave(action) is (severity > 1)


ABSENT = dict.fromkeys(("actor_id", "on_behalf_of", "session_id", "ip", "before", "after"))
ACTIONS = ["user.signed_in", "session.ended", "stock.posted", "sql.updated", *FAILED]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("facts", [{}, {"after": AFTER_REFUSAL}, {**ABSENT, "request_id": "", "reason": ""}])
def test_l5_ocsf_has_what_the_schema_asks_for(action: str, facts: dict[str, Any]) -> None:
    event = json.loads(ocsf({**COLUMNS, "reason": "a reason", **facts, "action": action}, version="0.1.0"))

    assert problems_of(event) == []


def test_the_check_of_the_schema_finds_what_is_wrong() -> None:
    event = json.loads(ocsf({**COLUMNS, "action": "user.signed_in"}, version="0.1.0"))
    event |= {"user": {"uid": None}, "activity_id": 9, "category_uid": "3"}
    del event["service"], event["time"]

    assert problems_of(event) == [
        "time is missing",
        "the event has none of service, dst_endpoint",
        "user. has none of account, name, uid",
        "category_uid is no integer",
        "activity_id 9 is unknown to the class",
        "type_uid is not class_uid * 100 + activity_id",
        "category_uid is not that of the class",
        "user.uid is null",
    ]


def test_l5_ocsf_tells_who_was_refused_what_and_why() -> None:
    refused = {**COLUMNS, "action": "authentication.failed", "object_type": "operation", "object_id": "sign_in"}
    refused |= {
        "actor_id": None,
        "session_id": None,
        "reason": "wrong_password",
        "after": AFTER_REFUSAL,
        "before": None,
    }
    event = json.loads(ocsf(refused, version="0.1.0"))

    assert {name: event[name] for name in event if name not in {"metadata", "unmapped", "src_endpoint"}} == {
        "activity_id": 1,
        "activity_name": "Logon",
        "category_uid": 3,
        "class_uid": 3002,
        "type_uid": 300201,
        "time": 1795429800125,
        "severity_id": 3,
        "severity": "Medium",
        "status_id": 2,
        "status": "Failure",
        "status_code": "sign_in_refused",
        "status_detail": "wrong_password",
        "count": 3,
        "start_time": 1795429800125,
        "end_time": 1795429802000,
        "actor": {"app_name": "Inventory"},
        "user": {"uid": "00000000-0000-0000-0000-000000000003"},
        "service": {"name": "Inventory"},
        "message": "sign_in was refused",
    }
    denied = json.loads(ocsf({**refused, "action": "authorization.failed"}, version="0.1.0"))
    assert (denied["class_uid"], denied["privileges"], denied["status_id"]) == (3003, ["sign_in"], 2)
    unknown = json.loads(ocsf({**refused, "after": None}, version="0.1.0"))
    assert (unknown["user"], unknown["count"]) == ({"name": "unknown"}, 1)
    assert " outcome=failure cnt=3 duid=00000000-0000-0000-0000-000000000003 " in cef(refused, version="0.1.0")


def test_l5_cef_has_every_fact() -> None:
    assert cef(COLUMNS, version="0.1.0") == (
        "CEF:0|Inventory|Inventory|0.1.0|party.changed|party.changed|3|rt=1795429800125 externalId=7 act=party.changed "
        "outcome=success suid=00000000-0000-0000-0000-000000000001 src=192.0.2.1 cs1Label=object cs1=party p-1 "
        'cs2Label=requestId cs2=request-1 cs3Label=before cs3={"n": 1.50} '
        "cs5Label=sessionId cs5=00000000-0000-0000-0000-000000000002 flexString1Label=event "
        "flexString1=01a20939-3721-7423-8017-8a357f202a5c 1 900 2026-11-23T10:30:00.250000Z"
    )
    assert "c6a2=2001:db8::1 " in cef({**COLUMNS, "ip": "2001:db8::1/128"}, version="0.1.0")
    assert "|8|" in cef({**COLUMNS, "action": "sql.updated"}, version="0.1.0")


@pytest.mark.parametrize("spell", [ocsf, cef])
@pytest.mark.parametrize("letter", ["\r\n", "\x1b[31m", "\x00", "\u2028", "\u202e"])
def test_l4_no_text_begins_another_line_or_steers_a_terminal(spell: Any, letter: str) -> None:
    hostile = {**COLUMNS, "reason": f"x{letter}CEF:0|forged|y=z\\", "action": f"a|b{letter}"}

    line = spell(hostile, version="0.1.0")

    assert line.isprintable()
    if spell is cef:
        head = re.split(r"(?<!\\)\|", line, maxsplit=7)
        assert (len(head), head[6], head[7][:3]) == (8, "3", "rt=")


def test_l5_numbers_that_no_double_holds_are_text() -> None:
    state = '{"large": 12345678901234567890, "huge": 1e400, "small": 3}'
    event = json.loads(ocsf({**COLUMNS, "after": state}, version="0.1.0"))

    assert event["entity_result"]["data"] == {"large": "12345678901234567890", "huge": "1e400", "small": 3}
