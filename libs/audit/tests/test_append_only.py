"""The trail refuses every change, to the owner and to the application's role."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction
from psycopg.errors import InsufficientPrivilege, RestrictViolation

from audit import Event, Origin
from audit.django.actions import record
from audit.django.models import AuditEvent

pytestmark = pytest.mark.django_db

UPSERT = """
    INSERT INTO audit_event (id, occurred_at, request_id, action, object_type, object_id, reason)
    SELECT id, now(), '', '', '', '', '' FROM audit_event
    ON CONFLICT (id) DO UPDATE SET reason = 'another'
"""
CHANGES = pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET reason = 'another'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "MERGE INTO audit_event USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
        UPSERT,
    ],
    ids=["update", "delete", "truncate", "merge", "upsert"],
)


@pytest.fixture(autouse=True)
def _one_event() -> None:
    record(
        Event(action="item.made", object_type="item", object_id="7"),
        origin=Origin.system(at=datetime(2026, 11, 23, tzinfo=UTC), request_id="request-1"),
    )


@pytest.fixture
def _as_application() -> Iterator[None]:
    execute("SET ROLE audit_toy_app")
    yield
    execute("RESET ROLE")


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def cause_of_refusing(statement: str) -> BaseException | None:
    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        execute(statement)
    assert list(AuditEvent.objects.values_list("action", "reason")) == [("item.made", "")]
    return refusal.value.__cause__


@CHANGES
def test_l2_refuses_the_owner(statement: str) -> None:
    cause = cause_of_refusing(statement)

    assert isinstance(cause, RestrictViolation)
    assert str(cause).startswith("The audit trail is append-only: ")
    assert cause.diag.message_hint == "Record a further event that tells of the correction."


@CHANGES
def test_l2_refuses_a_session_that_switched_triggers_off(statement: str) -> None:
    execute("SET LOCAL session_replication_role = replica")

    assert isinstance(cause_of_refusing(statement), RestrictViolation)


@CHANGES
@pytest.mark.usefixtures("_as_application")
def test_l2_refuses_the_application(statement: str) -> None:
    assert isinstance(cause_of_refusing(statement), InsufficientPrivilege)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_event_refuse_change ON audit_event",
        "CREATE TRIGGER mine BEFORE INSERT ON audit_event EXECUTE FUNCTION audit_event_refuse_change()",
        "ALTER FUNCTION audit_event_refuse_change() RENAME TO another",
        "DROP TABLE audit_event",
        "SET session_replication_role = replica",
        "SELECT setval('audit_event_seq_seq', 1)",
        "INSERT INTO audit_event (seq) VALUES (1)",
        "INSERT INTO audit_event (xid) VALUES ('1')",
        "INSERT INTO audit_event (at) VALUES ('2000-01-01')",
    ],
)
@pytest.mark.usefixtures("_as_application")
def test_l2_the_application_cannot_open_a_way(statement: str) -> None:
    assert isinstance(cause_of_refusing(statement), InsufficientPrivilege)


@pytest.mark.usefixtures("_as_application")
def test_the_application_can_record_and_read() -> None:
    record(
        Event(action="item.renamed", object_type="item", object_id="7"),
        origin=Origin.system(at=datetime(2026, 11, 23, tzinfo=UTC), request_id="request-2"),
    )

    assert list(AuditEvent.objects.order_by("seq").values_list("action", flat=True)) == [
        "item.made",
        "item.renamed",
    ]
