"""Events as collectors read them: every fact is there, and no text of ours begins a line of its own."""

import json
import re
from typing import Any

import pytest

from audit import cef, ocsf

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
        "entity_result": {"uid": "p-1", "type": "party", "data": None},
        "comment": "",
        "unmapped": {"on_behalf_of": None, "epoch": 1, "xid": "900"},
    }


@pytest.mark.parametrize(
    ("action", "kind", "severity"),
    [
        ("user.signed_in", 300201, 1),
        ("session.ended", 300202, 1),
        ("session.reuse_detected", 300202, 4),
        ("stock.posted", 300401, 1),
        ("party.deleted", 300404, 1),
        ("sql.updated", 300403, 4),
        ("something.else", 300499, 1),
    ],
)
def test_l5_ocsf_names_the_kind_and_how_grave_it_is(action: str, kind: int, severity: int) -> None:
    event = json.loads(ocsf({**COLUMNS, "action": action}, version="0.1.0"))

    assert (event["type_uid"], event["severity_id"]) == (kind, severity)


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
