"""Recording: every field as given, one statement, and only together with the change."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone as clock

from audit import Event, Origin
from audit.django.actions import NotInTransaction, record, record_many
from audit.django.models import AuditEvent
from audit.django.queries import events_for

type AssertNumQueries = Callable[[int], CaptureQueriesContext]

ORIGIN = Origin(
    actor_id=UUID(int=1),
    at=datetime(2026, 11, 23, 12, 30, tzinfo=timezone(timedelta(hours=2))),
    request_id="request-1",
    ip="2001:db8::1",
    session_id=UUID(int=2),
    on_behalf_of=UUID(int=3),
    reason="Count was wrong.",
)
MADE = Event(action="item.made", object_type="item", object_id="7", after={"sku": "BOLT-M6"})


WAYS = pytest.mark.parametrize(
    "write", [record, lambda event, origin: record_many([event], origin=origin)], ids=["one", "many"]
)
type Write = Callable[..., None]


@pytest.mark.django_db
@WAYS
def test_stores_every_field(write: Write) -> None:
    event = Event(
        action="item.renamed",
        object_type="item",
        object_id="7",
        before={"name": "Bolt"},
        after={"name": "Screw"},
    )

    write(event, origin=ORIGIN)

    stored = AuditEvent.objects.get()
    assert stored.event_id.version == 7
    assert stored.occurred_at == datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
    assert abs(stored.at - clock.now()) < timedelta(minutes=1)
    assert (stored.actor_id, stored.session_id, stored.on_behalf_of) == (
        UUID(int=1),
        UUID(int=2),
        UUID(int=3),
    )
    assert (stored.ip, stored.request_id, stored.reason) == ("2001:db8::1", "request-1", "Count was wrong.")
    assert (stored.action, stored.object_type, stored.object_id) == ("item.renamed", "item", "7")
    assert (stored.before, stored.after) == ({"name": "Bolt"}, {"name": "Screw"})


@pytest.mark.django_db
@WAYS
def test_what_is_absent_is_null(write: Write) -> None:
    origin = Origin.system(at=ORIGIN.at, request_id="nightly")

    write(Event(action="snapshot.taken", object_type="ledger", object_id=""), origin=origin)

    stored = AuditEvent.objects.values_list("actor_id", "session_id", "on_behalf_of", "ip", "before", "after").get()
    assert stored == (None,) * 6
    assert AuditEvent.objects.get().reason == ""
    assert AuditEvent.objects.filter(before__isnull=True, after__isnull=True).count() == 1


@pytest.mark.django_db
def test_the_transaction_is_the_one_of_the_change() -> None:
    record(MADE, origin=ORIGIN)

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        assert AuditEvent.objects.get().xid == int(cursor.fetchone()[0])
    assert AuditEvent.objects.filter(xid=AuditEvent.objects.get().xid).count() == 1


@pytest.mark.django_db
@WAYS
def test_values_are_spelled_canonically(write: Write) -> None:
    after = {
        "quantity": Decimal("12.500"),
        "zero": Decimal("-0.00"),
        "large": Decimal("1E+3"),
        "small": Decimal("1E-7"),
        "at": datetime(2026, 11, 23, 12, 30, tzinfo=timezone(timedelta(hours=2))),
        "expires": date(2027, 1, 31),
        "lot": UUID(int=255),
        "lines": [{"quantity": Decimal(10)}],
        "frozen": MappingProxyType({"text": 'Äpfel "rot"\n'}),
        "count": 2**63,
        "none": None,
    }

    write(Event(action="stock.posted", object_type="transaction", object_id="1", after=after), origin=ORIGIN)

    assert AuditEvent.objects.get().after == {
        "quantity": "12.5",
        "zero": "0",
        "large": "1000",
        "small": "0.0000001",
        "at": "2026-11-23T10:30:00.000000Z",
        "expires": "2027-01-31",
        "lot": "00000000-0000-0000-0000-0000000000ff",
        "lines": [{"quantity": "10"}],
        "frozen": {"text": 'Äpfel "rot"\n'},
        "count": 2**63,
        "none": None,
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (datetime(2026, 11, 23, 12), ValueError, "no offset from UTC"),  # noqa: DTZ001  (what it must refuse)
        (Decimal("NaN"), ValueError, "cannot hold NaN"),
        (float("inf"), ValueError, "not JSON compliant"),
        ({1, 2}, TypeError, "cannot hold a set"),
    ],
    ids=["naive time", "decimal NaN", "infinite float", "set"],
)
def test_refuses_what_has_no_canonical_spelling(value: object, error: type[Exception], message: str) -> None:
    event = Event(action="stock.posted", object_type="transaction", object_id="1", after={"value": value})

    with pytest.raises(error, match=message):
        record(event, origin=ORIGIN)

    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_one_statement_for_one_event_and_for_a_thousand(django_assert_num_queries: AssertNumQueries) -> None:
    many = [Event(action="item.made", object_type="item", object_id=str(number)) for number in range(1000)]

    with django_assert_num_queries(1):
        record(MADE, origin=ORIGIN)
    with django_assert_num_queries(1):
        record_many(many, origin=ORIGIN)
    with django_assert_num_queries(0):
        record_many([], origin=ORIGIN)

    assert AuditEvent.objects.count() == 1001


@pytest.mark.django_db
def test_many_events_keep_their_order_and_their_origin() -> None:
    many = [Event(action="item.made", object_type="item", object_id=str(number)) for number in (3, 1, 2)]

    record_many(many, origin=ORIGIN)

    rows = AuditEvent.objects.order_by("seq").values_list("object_id", "request_id", "actor_id")
    assert list(rows) == [(number, "request-1", UUID(int=1)) for number in ("3", "1", "2")]


@pytest.mark.django_db
def test_the_events_of_one_object_are_told_in_order() -> None:
    for action, object_type, object_id in [
        ("item.made", "item", "7"),
        ("item.made", "item", "8"),
        ("lot.made", "lot", "7"),
        ("item.renamed", "item", "7"),
    ]:
        record(Event(action=action, object_type=object_type, object_id=object_id), origin=ORIGIN)

    assert [event.action for event in events_for("item", "7")] == ["item.made", "item.renamed"]


@pytest.mark.django_db
def test_a_rollback_leaves_none() -> None:
    with transaction.atomic():
        record(MADE, origin=ORIGIN)
        transaction.set_rollback(True)

    assert not AuditEvent.objects.exists()


@WAYS
def test_refuses_to_record_outside_a_transaction(write: Write) -> None:
    # No database is at hand here, so the refusal comes before any statement.
    with pytest.raises(NotInTransaction, match=r"inside transaction\.atomic"):
        write(MADE, origin=ORIGIN)


def test_refuses_an_origin_without_an_offset() -> None:
    with pytest.raises(ValueError, match="pass an aware datetime"):
        Origin.system(at=datetime(2026, 11, 23, 12), request_id="request-1")  # noqa: DTZ001  (what it must refuse)
