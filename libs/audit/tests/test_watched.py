"""A watched table tells of what was written without an event, whoever wrote it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction

from audit import Event, Origin
from audit.django.actions import record
from audit.django.models import AuditEvent

pytestmark = pytest.mark.usefixtures("_watched")
ORIGIN = Origin.system(at=datetime(2026, 11, 23, tzinfo=UTC), request_id="request-1")
EVENT = Event(action="part.made", object_type="part", object_id="7")


@pytest.fixture
def _watched(committed: str) -> None:
    run(
        "CREATE TABLE part (id int PRIMARY KEY, name text, secret text)",
        "INSERT INTO part VALUES (1, 'bolt', 'hush'), (2, 'nut', 'hush')",
        "SELECT audit_watch('part', '{secret}')",
    )


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def events() -> list[tuple[str, str, Any, Any]]:
    return list(AuditEvent.objects.order_by("seq").values_list("action", "object_id", "before", "after"))


def test_raw_sql_leaves_an_event_with_what_was_and_what_is() -> None:
    run(
        "INSERT INTO part VALUES (3, 'washer', 'hush')",
        "UPDATE part SET name = 'screw' WHERE id = 1",
        "DELETE FROM part WHERE id = 2",
        "TRUNCATE part",
    )

    assert events() == [
        ("sql.inserted", "part", None, {"count": 1, "rows": [{"id": 3, "name": "washer"}]}),
        (
            "sql.updated",
            "part",
            {"count": 1, "rows": [{"id": 1, "name": "bolt"}]},
            {"count": 1, "rows": [{"id": 1, "name": "screw"}]},
        ),
        ("sql.deleted", "part", {"count": 1, "rows": [{"id": 2, "name": "nut"}]}, None),
        ("sql.truncated", "part", None, None),
    ]
    event = AuditEvent.objects.earliest("seq")
    assert (event.object_type, event.actor_id) == ("table", None)
    assert event.reason.startswith("login ")


def test_the_program_that_records_leaves_its_own_event_alone() -> None:
    with transaction.atomic():
        run("UPDATE part SET name = 'before'")
        record(EVENT, origin=ORIGIN)
        run("UPDATE part SET name = 'after'")

    assert events() == [("part.made", "7", None, None)]


def test_a_program_that_forgot_to_record_is_told_of() -> None:
    with transaction.atomic():
        run("UPDATE part SET name = 'forgot'")
    with transaction.atomic():
        record(EVENT, origin=ORIGIN)

    assert [action for action, *_ in events()] == ["sql.updated", "part.made"]


def test_an_event_of_another_transaction_is_no_excuse() -> None:
    with transaction.atomic():
        record(EVENT, origin=ORIGIN)
    run("UPDATE part SET name = 'raw'")

    assert [action for action, *_ in events()] == ["part.made", "sql.updated"]


def test_an_event_that_was_rolled_back_is_no_excuse() -> None:
    with transaction.atomic():
        run("UPDATE part SET name = 'raw'")
        with transaction.atomic():
            record(EVENT, origin=ORIGIN)
            transaction.set_rollback(True)

    assert [action for action, *_ in events()] == ["sql.updated"]


def test_what_was_rolled_back_leaves_nothing() -> None:
    with transaction.atomic():
        run("UPDATE part SET name = 'never'")
        transaction.set_rollback(True)

    assert events() == []


def test_a_statement_that_changed_nothing_leaves_nothing() -> None:
    run("UPDATE part SET name = 'nobody' WHERE id = 99", "DELETE FROM part WHERE id = 99")

    assert events() == []


def test_constraints_that_are_checked_early_hide_nothing() -> None:
    with transaction.atomic():
        run("UPDATE part SET name = 'first'", "SET CONSTRAINTS ALL IMMEDIATE", "UPDATE part SET name = 'second'")

    assert [(action, after["rows"][0]["name"]) for action, _, _, after in events()] == [
        ("sql.updated", "first"),
        ("sql.updated", "second"),
    ]


def test_a_large_change_is_counted_and_shows_its_first_rows() -> None:
    run("INSERT INTO part SELECT n, 'many', '' FROM generate_series(10, 1009) n")

    ((_, _, _, after),) = events()
    assert (after["count"], len(after["rows"])) == (1000, 20)


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "SET audit.recorded = 'on'",
        "SET search_path = pg_temp, public; CREATE TEMP TABLE audit_note (id int)",
    ],
)
def test_a_session_cannot_talk_its_way_out(statement: str) -> None:
    run(statement, "UPDATE part SET name = 'raw'")

    assert [action for action, *_ in events()] == ["sql.updated"]


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM audit_note", "INSERT INTO audit_note (action) VALUES ('')", "SELECT audit_unwatch('part')"],
)
def test_the_application_cannot_touch_notes_or_watching(statement: str) -> None:
    run("GRANT ALL ON part TO audit_toy_app")
    with pytest.raises(Exception, match="permission denied"), transaction.atomic():
        run("SET LOCAL ROLE audit_toy_app", "UPDATE part SET name = 'raw'", statement)

    with transaction.atomic():
        run("SET LOCAL ROLE audit_toy_app", "UPDATE part SET name = 'raw'")
    assert [action for action, *_ in events()] == ["sql.updated"]


def test_no_note_outlives_its_transaction() -> None:
    run("UPDATE part SET name = 'raw'")
    with transaction.atomic():
        run("UPDATE part SET name = 'recorded'")
        record(EVENT, origin=ORIGIN)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_note")
        assert cursor.fetchone() == (0,)


def test_a_table_can_be_left_alone_again() -> None:
    run("SELECT audit_unwatch('part')", "UPDATE part SET name = 'unseen'")

    assert events() == []


def test_a_quiet_column_alone_leaves_nothing() -> None:
    run("SELECT audit_unwatch('part')", "SELECT audit_watch('part', '{secret}', '{name}')")

    run("UPDATE part SET name = 'used'", "UPDATE part SET name = name")
    assert events() == []
    run("UPDATE part SET name = 'used again', secret = 'new' WHERE id = 1")
    run("UPDATE part SET id = 9, name = 'x' WHERE id = 2")
    assert [(action, after["rows"]) for action, _, _, after in events()] == [
        ("sql.updated", [{"id": 1, "name": "used again"}]),
        ("sql.updated", [{"id": 9, "name": "x"}]),
    ]
