"""Sealing and verifying: what an owner of the database does to the trail, with its triggers gone, shows."""

import time
from datetime import UTC, datetime
from threading import Barrier, Thread

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import DatabaseError, connection, transaction
from settling import is_settled

from audit import Checkpoint, Event, Origin, Tree, leaf_hash, open_checkpoint, root_from_path
from audit.django.actions import record, record_many
from audit.django.leaves import leaves, leaves_at
from audit.django.models import AuditEvent, Seal, Tile
from audit.django.proofs import NotSealedYet, TrailBroken, UnknownEvent, prove
from audit.django.sealer import EpochNotAdvanced, seal
from audit.django.verifier import CheckpointTooOld, Report, UnknownSeal, verify

pytestmark = pytest.mark.usefixtures("committed")

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
ORIGIN = Origin.system(at=datetime(2026, 11, 23, tzinfo=UTC), request_id="request-1")
NAME = "example.com/audit"


def write(*object_ids: object) -> None:
    with transaction.atomic():
        for object_id in object_ids:
            event = Event(action="item.made", object_type="item", object_id=str(object_id), after={"n": 1.5, "ä": "ö"})
            record(event, origin=ORIGIN)


def settle() -> None:
    """Wait for others on this cluster: while their transactions run, the horizon stays below what is new here."""
    for _ in range(900):
        if is_settled():
            return
        time.sleep(0.1)
    raise TimeoutError


def seal_now() -> Seal:
    settle()
    made = seal(key=KEY, origin=NAME)
    assert made is not None
    return made


def checked(against: str | None = None, since: int | None = None) -> Report:
    checkpoint = None if against is None else open_checkpoint(against, keys=[KEY.public_key()])
    return verify(keys=[KEY.public_key()], against=checkpoint, since=since)


def kinds(report: Report) -> list[tuple[str, int | None]]:
    return [(each.kind.value, each.seal) for each in report.breaks]


def as_owner(*statements: str) -> None:
    with connection.cursor() as cursor:
        for table in ("audit_event", "audit_seal", "audit_tile"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for statement in statements:
            cursor.execute(statement)


@pytest.fixture
def sealed() -> list[Seal]:
    """Three seals, over events 1 and 2, 3 and 4, 5 and 6."""
    made = []
    for first in (1, 3, 5):
        write(first, first + 1)
        made.append(seal_now())
    return made


def test_a_seal_is_the_root_of_every_event_in_order(sealed: list[Seal]) -> None:
    tree = Tree()
    for leaf in leaves():
        tree.add(leaf_hash(leaf.content))

    assert [(each.number, each.size) for each in sealed] == [(1, 2), (2, 4), (3, 6)]
    assert (sealed[-1].root, sealed[-1].size) == (tree.root(), tree.size)
    assert open_checkpoint(sealed[-1].note, keys=[KEY.public_key()]) == Checkpoint(
        origin=NAME, size=6, root=tree.root(), facts=sealed[-1].facts
    )
    assert checked() == Report(breaks=(), seals=3, events=6, unsealed=0)


def test_a_leaf_is_spelled_alike_whatever_the_session_says(sealed: list[Seal]) -> None:
    before = [leaf.content for leaf in leaves()]
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'Asia/Tokyo'; SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'")

    assert [leaf.content for leaf in leaves()] == before


def test_nothing_new_is_no_seal(sealed: list[Seal]) -> None:
    assert seal(key=KEY, origin=NAME) is None
    assert Seal.objects.count() == 3


def test_what_came_after_the_newest_seal_is_counted(sealed: list[Seal]) -> None:
    write(7)

    assert checked() == Report(breaks=(), seals=3, events=6, unsealed=1)


def test_no_writer_waits_and_none_is_missed(committed: str) -> None:
    with psycopg.connect(committed) as slow, psycopg.connect(committed) as fast:
        insert = """
            INSERT INTO audit_event (id, occurred_at, request_id, action, object_type, object_id, reason)
            VALUES (gen_random_uuid(), now(), '', 'item.made', 'item', %s, '')
        """
        slow.execute(insert, ["slow"])
        fast.execute(insert, ["fast"])
        fast.commit()
        assert seal(key=KEY, origin=NAME) is None  # the slow one may yet add events before the fast one's
        slow.commit()

    assert seal_now().size == 2
    assert [leaf.columns["object_id"] for leaf in leaves()] == ["slow", "fast"]


def test_of_several_sealers_one_seals() -> None:
    write(*range(50))
    settle()
    start, made = Barrier(4), []

    def one() -> None:
        start.wait()
        made.append(seal(key=KEY, origin=NAME))
        connection.close()

    threads = [Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [each.size for each in made if each] == [50]
    assert checked() == Report(breaks=(), seals=1, events=50, unsealed=0)


def test_seals_cannot_be_changed(sealed: list[Seal]) -> None:
    for statement in ("UPDATE audit_seal SET size = 9", "DELETE FROM audit_seal", "TRUNCATE audit_seal"):
        for role in ("RESET ROLE", "SET ROLE audit_toy_app"):
            with pytest.raises(DatabaseError), connection.cursor() as cursor:
                cursor.execute(role)
                cursor.execute(statement)
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    assert Seal.objects.count() == 3


def test_the_application_can_seal() -> None:
    write(1)
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE audit_toy_app")
    assert seal_now().size == 1


# ---------------------------------------------------------------- tampering


def test_l3_an_edited_event_shows(sealed: list[Seal]) -> None:
    as_owner("UPDATE audit_event SET after = '{\"n\": 2.5}' WHERE object_id = '3'")

    assert kinds(checked()) == [("events_changed", 2)]


@pytest.mark.parametrize(
    "change",
    [
        "actor_id = gen_random_uuid()",
        "on_behalf_of = gen_random_uuid()",
        "session_id = gen_random_uuid()",
        "ip = '10.0.0.1'",
        "request_id = 'another'",
        "action = 'item.found'",
        "object_type = 'lot'",
        "object_id = '33'",
        "before = '{}'",
        "after = NULL",
        "after = jsonb_set(after, '{n}', '\"1.5\"')",
        "after = jsonb_set(after, '{n}', '1.50')",
        "reason = ' '",
        "occurred_at = occurred_at + interval '1 microsecond'",
        "at = at - interval '1 microsecond'",
        "at = '-infinity'",
        "id = gen_random_uuid()",
        "seq = 1000",
    ],
)
def test_l3_every_column_counts(sealed: list[Seal], change: str) -> None:
    as_owner(f"UPDATE audit_event SET {change} WHERE object_id = '3'")

    assert ("events_changed", 2) in kinds(checked())


def test_l3_a_deleted_event_shows(sealed: list[Seal]) -> None:
    as_owner("DELETE FROM audit_event WHERE object_id = '4'")

    assert kinds(checked()) == [("events_missing", 2)]


def test_l3_a_back_dated_event_shows(sealed: list[Seal]) -> None:
    as_owner(
        """
        INSERT INTO audit_event (id, xid, at, occurred_at, request_id, action, object_type, object_id, reason)
        SELECT gen_random_uuid(), xid, at, occurred_at, '', action, object_type, 'forged', ''
        FROM audit_event WHERE object_id = '3'
        """
    )

    assert kinds(checked()) == [("events_added", 2)]


def test_l3_a_seal_made_anew_shows(sealed: list[Seal]) -> None:
    as_owner(
        "UPDATE audit_event SET reason = 'forged' WHERE object_id = '5'", "DELETE FROM audit_seal WHERE number = 3"
    )
    settle()
    forged = seal(key=OTHER, origin=NAME)

    assert forged is not None
    assert (forged.number, forged.size) == (3, 6)
    assert kinds(checked()) == [("seal_changed", 3)]


@pytest.mark.parametrize(
    "change",
    [
        "size = 5",
        "root = sha256('x')",
        "nodes = sha256('x') || sha256('y')",
        "nodes = ''",
        "horizon = '999999999'",
        "epoch = 0",
        "sealed_at = sealed_at - interval '1 day'",
        "note = ''",
        "note = (SELECT note FROM audit_seal WHERE number = 1)",
    ],
)
def test_l3_a_rewritten_seal_shows(sealed: list[Seal], change: str) -> None:
    as_owner(f"UPDATE audit_seal SET {change} WHERE number = 2")

    assert ("seal_changed", 2) in kinds(checked())


def test_l3_a_missing_seal_shows(sealed: list[Seal]) -> None:
    as_owner("DELETE FROM audit_seal WHERE number = 2")

    assert kinds(checked()) == [("seal_missing", 2)]


def test_l3_a_truncated_tail_shows_against_a_checkpoint(sealed: list[Seal]) -> None:
    kept = sealed[-1].note
    as_owner("DELETE FROM audit_event WHERE object_id IN ('5', '6')", "DELETE FROM audit_seal WHERE number = 3")

    assert checked().is_clean  # nothing in the database tells of it any more
    assert kinds(checked(against=kept)) == [("truncated", None)]
    write(7, 8, 9)
    seal_now()
    assert checked().is_clean
    assert kinds(checked(against=kept)) == [("diverged", 3)]


def test_l3_removed_seals_show_against_a_checkpoint_though_the_events_stay(sealed: list[Seal]) -> None:
    as_owner("DELETE FROM audit_seal WHERE number = 3")

    assert kinds(checked(against=sealed[-1].note)) == [("truncated", None)]


def test_a_true_checkpoint_of_any_age_holds(sealed: list[Seal]) -> None:
    assert [kinds(checked(against=each.note)) for each in sealed] == [[], [], []]


def test_each_break_is_told_once_with_its_seal(sealed: list[Seal]) -> None:
    as_owner(
        "UPDATE audit_event SET reason = 'forged' WHERE object_id = '1'",
        "DELETE FROM audit_event WHERE object_id = '6'",
    )

    assert kinds(checked()) == [("events_changed", 1), ("events_missing", 3)]


# ---------------------------------------------------------------- from a seal on


def test_a_check_can_begin_at_a_seal(sealed: list[Seal]) -> None:
    as_owner("UPDATE audit_event SET reason = 'forged' WHERE object_id = '1'")

    assert kinds(checked()) == [("events_changed", 1)]
    assert checked(since=1) == Report(breaks=(), seals=2, events=4, unsealed=0)
    assert checked(since=1, against=sealed[0].note).is_clean
    with pytest.raises(CheckpointTooOld):
        checked(since=2, against=sealed[0].note)
    with pytest.raises(UnknownSeal, match="no seal 9; the newest is 3"):
        checked(since=9)


def test_a_check_cannot_begin_at_a_seal_that_is_not_true(sealed: list[Seal]) -> None:
    as_owner("UPDATE audit_seal SET nodes = sha256('x') WHERE number = 2")

    assert kinds(checked(since=2)) == [("seal_changed", 2)]


# ---------------------------------------------------------------- proofs


@pytest.fixture
def many() -> list[int]:
    """600 events under three seals: two tiles, and some more."""
    for first, last in ((0, 300), (300, 301), (301, 600)):
        with transaction.atomic():
            record_many(
                [Event(action="item.made", object_type="item", object_id=str(n)) for n in range(first, last)],
                origin=ORIGIN,
            )
        seal_now()
    return list(AuditEvent.objects.order_by("seq").values_list("seq", flat=True))


def test_any_event_is_proved_to_who_has_a_checkpoint_alone(many: list[int]) -> None:
    assert list(Tile.objects.order_by("index").values_list("index", flat=True)) == [0, 1]
    for index in (0, 1, 255, 256, 299, 300, 301, 511, 512, 598, 599):
        proof = prove(many[index])
        said = open_checkpoint(proof.note, keys=[KEY.public_key()])
        assert (proof.index, proof.size, said.size) == (index, 600, 600)
        assert f'"object_id":"{index}"' in proof.content
        leaf = leaf_hash(proof.content.encode())
        assert root_from_path(leaf, proof.index, proof.size, proof.path) == said.root


def test_a_new_event_is_not_proved_yet(many: list[int]) -> None:
    write("new")

    with pytest.raises(NotSealedYet):
        prove(AuditEvent.objects.latest("seq").seq)
    with pytest.raises(UnknownEvent):
        prove(10**6)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET reason = 'forged' WHERE object_id = '3'",
        "DELETE FROM audit_event WHERE object_id = '2'",
        "UPDATE audit_tile SET root = sha256('x') WHERE index = 1",
    ],
)
def test_what_was_changed_is_not_proved(many: list[int], statement: str) -> None:
    as_owner(statement)

    with pytest.raises(TrailBroken):
        prove(many[3])


# ---------------------------------------------------------------- another cluster


def test_a_restored_trail_wants_its_next_epoch(sealed: list[Seal]) -> None:
    # As after a restore elsewhere: the sealed transaction ids lie ahead of this cluster's.
    as_owner("UPDATE audit_seal SET horizon = '9000000000'")
    write(7)
    with pytest.raises(EpochNotAdvanced, match=r"RETURN 2::smallint"):
        seal(key=KEY, origin=NAME)

    as_owner("CREATE OR REPLACE FUNCTION audit_epoch() RETURNS smallint LANGUAGE sql STABLE RETURN 2::smallint")
    write(8)
    made = seal_now()
    assert (made.epoch, AuditEvent.objects.latest("seq").epoch) == (2, 2)
    assert made.size == 7  # event 7 was written in the wrong epoch, below the horizon: verifying says so


NUMBERED = """
    INSERT INTO audit_event (id, xid, occurred_at, request_id, action, object_type, object_id, reason)
    VALUES (gen_random_uuid(), %s::xid8, now(), '', 'item.made', 'item', %s, '')
"""


def test_transactions_come_in_the_order_of_their_numbers_and_not_of_their_digits(committed: str) -> None:
    numbers = ["9", "10", "99", "100", "101"]
    with psycopg.connect(committed) as owner:
        for number in reversed(numbers):
            owner.execute(NUMBERED, [number, number])
    settle()

    assert [leaf.columns["xid"] for leaf in leaves(chunk=2)] == numbers
    assert [leaf.columns["xid"] for leaf in leaves_at((1, 10), skip=1, count=3)] == ["99", "100", "101"]


def test_a_trail_is_clean_when_transaction_ids_get_one_more_digit(committed: str) -> None:
    """A seal below 1000, as it was made, and events after it: none of them comes before its own."""
    with psycopg.connect(committed) as owner:
        owner.execute(NUMBERED, ["9", "before"])
        owner.execute(NUMBERED, ["10", "after"])
    tree = Tree()
    tree.add(next(leaves()).hash)
    first = Seal(number=1, sealed_at=datetime(2026, 11, 23, tzinfo=UTC), epoch=1, horizon=10, size=1, root=tree.root())
    first.nodes = b"".join(tree.nodes)
    first.note = Checkpoint(origin=NAME, size=1, root=tree.root(), facts=first.facts).signed(KEY)
    first.save(force_insert=True)
    seal_now()

    assert kinds(checked()) == []
