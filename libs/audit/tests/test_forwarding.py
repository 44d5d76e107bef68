"""Every final event reaches the sink, in order, whatever dies on the way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from authority import Authority
from collector import collecting
from django.db import connection, transaction
from settling import is_settled

from audit import Event, Line, NotDelivered, Origin, sink_at
from audit.django import forwarder
from audit.django.actions import record_many
from audit.django.forwarder import forward
from audit.django.models import Position

pytestmark = pytest.mark.usefixtures("committed")

ORIGIN = Origin.system(at=datetime(2026, 11, 23, tzinfo=UTC), request_id="request-1")
INSERT = """
    INSERT INTO audit_event (id, occurred_at, request_id, action, object_type, object_id, reason)
    VALUES (gen_random_uuid(), now(), '', 'item.made', 'item', %s, '')
"""


@dataclass
class Memory:
    """A sink in memory that refuses as often as it is told to."""

    kept: list[str] = field(default_factory=list)
    refusals: int = 0

    def deliver(self, lines: Sequence[Line]) -> None:
        self.kept += [line.text for line in lines]
        if self.refusals:
            self.refusals -= 1
            raise NotDelivered


def write(*names: object) -> None:
    with transaction.atomic():
        record_many(
            [Event(action="item.made", object_type="item", object_id=str(name)) for name in names], origin=ORIGIN
        )


def name_of(columns: dict[str, Any]) -> str:
    return str(columns["object_id"])


def forward_all(sink: Any, name: str = "sink") -> int:
    """Forward until there is no more; others on this cluster may hold the horizon back for a while."""
    sent = 0
    while True:
        # Asked before: what settles after the forwarder has looked is sent in the next round.
        nothing_is_held_back = is_settled()
        count = forward(sink, name=name, spell=name_of)
        sent += count
        if nothing_is_held_back and not count:
            return sent


def test_l5_each_event_is_sent_once_and_in_order() -> None:
    sink = Memory()
    write(*range(forwarder.BATCH + 7))
    assert forward_all(sink) == forwarder.BATCH + 7
    write("later")
    assert forward_all(sink) == 1

    assert sink.kept == [*map(str, range(forwarder.BATCH + 7)), "later"]
    assert Position.objects.get().sink == "sink"
    assert forward_all(Memory(), name="another") == forwarder.BATCH + 8  # who is new gets everything


def test_l5_what_is_slow_to_commit_is_waited_for_and_not_left_out(committed: str) -> None:
    sink = Memory()
    with psycopg.connect(committed) as slow, psycopg.connect(committed) as fast:
        slow.execute(INSERT, ["slow"])
        fast.execute(INSERT, ["fast"])
        fast.commit()
        assert forward(sink, name="sink", spell=name_of) == 0
        slow.commit()
    forward_all(sink)

    assert sink.kept == ["slow", "fast"]


def test_l5_a_batch_that_was_not_taken_comes_again() -> None:
    sink = Memory(refusals=2)
    write("a", "b")
    for _ in range(2):
        with pytest.raises(NotDelivered):
            forward_all(sink)
    assert not Position.objects.exists()
    write("c")
    forward_all(sink)

    assert sink.kept == ["a", "b", "a", "b", "a", "b", "c"]


def test_l5_of_two_forwarders_one_sends() -> None:
    write("a")

    @dataclass
    class Nested(Memory):
        url: str = ""
        is_locked: bool = False

        def deliver(self, lines: Sequence[Line]) -> None:
            super().deliver(lines)
            with psycopg.connect(self.url) as other:
                row = other.execute("SELECT pg_try_advisory_xact_lock(4806)").fetchone()
                self.is_locked = row == (False,)

    where = connection.settings_dict
    url = psycopg.conninfo.make_conninfo(
        dbname=where["NAME"], user=where["USER"], password=where["PASSWORD"], host=where["HOST"], port=where["PORT"]
    )
    sink = Nested(url=url)
    assert forward_all(sink) == 1
    assert sink.is_locked
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(4806)")
        write("b")
        assert forward(sink, name="sink", spell=name_of) == 0
    assert forward_all(sink) == 1


def test_l5_a_sink_that_is_slow_holds_no_seal_back(committed: str) -> None:
    """Until it is told that the sink has them, the forwarder's transaction has no id that the horizon waits for."""
    seen = []

    class Slow(Memory):
        def deliver(self, lines: Sequence[Line]) -> None:
            super().deliver(lines)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_current_xact_id_if_assigned()")
                seen.append(cursor.fetchone())

    write("a")
    forward_all(Slow())
    write("b")
    forward_all(Slow())

    assert seen == [(None,), (None,)]


def test_l5_a_collector_that_is_killed_and_started_again_loses_nothing(tmp_path: Path) -> None:
    """A real TLS sink dies by SIGKILL with half of a batch read, is away for a while, and comes back at its port."""
    authority = Authority(tmp_path)
    events = forwarder.BATCH * 2 + 100
    write(*range(events))
    file = tmp_path / "kept"
    with collecting(authority, file, die_after=forwarder.BATCH + 40) as first:
        sink = sink_at(first.address, authorities=authority.file)
        with pytest.raises(NotDelivered):
            forward_all(sink)
        first.process.wait(timeout=300)
    with pytest.raises(NotDelivered, match="Connection refused"):
        forward_all(sink)
    with collecting(authority, file, port=first.port) as second:
        forward_all(sink)
        kept = [int(re.sub(r".* ", "", message)) for message in second.received()]

    assert kept[forwarder.BATCH + 40] == forwarder.BATCH  # what was not confirmed came again
    assert list(dict.fromkeys(kept)) == list(range(events))
    assert len(kept) == events + 40
