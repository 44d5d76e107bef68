"""What the database refuses, whoever asks, and that a refusal changes nothing."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import Error, connection, transaction

from apps.common.db import constraint_of, rows
from apps.ledger.tests.posting import Move, everything, on_hand, post
from tests.world import World

LEDGER = (
    "ledger_transaction",
    "ledger_posting",
    "ledger_balance",
    "ledger_period",
    "ledger_balance_snapshot",
)


def _refused(sql: str, *, role: str = "inventory_app") -> str | None:
    """Run a statement that must fail, as a role (NONE: the owner), and return its SQLSTATE."""
    with pytest.raises(Error) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")
        cursor.execute(sql)
    cause = caught.value.__cause__
    assert isinstance(cause, psycopg.Error)
    return cause.sqlstate


def test_the_suite_runs_as_the_role_of_the_service(world: World) -> None:
    assert rows("SELECT current_user", []) == [("inventory_app",)]


@pytest.mark.parametrize("table", LEDGER)
@pytest.mark.parametrize("sql", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_I9_the_service_cannot_change_ledger_rows(world: World, table: str, sql: str) -> None:
    column = {"ledger_period": "reason", "ledger_balance_snapshot": "quantity"}.get(table, "id")
    assert _refused(sql.format(table, "quantity" if table == "ledger_posting" else column)) == "42501"


@pytest.mark.parametrize("table", LEDGER)
def test_I9_the_service_cannot_insert_ledger_rows(world: World, table: str) -> None:
    assert _refused(f"INSERT INTO {table} SELECT * FROM {table}") == "42501"


@pytest.mark.parametrize("table", LEDGER)
@pytest.mark.parametrize("verb", ["DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_I9_the_owner_cannot_remove_ledger_rows(world: World, table: str, verb: str) -> None:
    assert _refused(verb.format(table), role="NONE") == "23001"


@pytest.mark.parametrize("table", [table for table in LEDGER if table != "ledger_balance"])
def test_I9_the_owner_cannot_update_ledger_rows(world: World, table: str) -> None:
    column = "quantity" if table in {"ledger_posting", "ledger_balance_snapshot"} else "reason"
    assert _refused(f"UPDATE {table} SET {column} = {column}", role="NONE") == "23001"


def test_I1_a_posting_without_its_other_side_is_refused_to_the_owner(world: World) -> None:
    post(world, [Move(quantity=5, source="SUPPLIER", target="A1")])
    lonely = """
        INSERT INTO ledger_posting (sequence, line, item_id, location_id, status, quantity, effective_at,
            entered_quantity, entered_unit_id, factor_num, factor_den)
        SELECT sequence, 2, item_id, location_id, status, -1, effective_at, 1, entered_unit_id, 1, 1
        FROM ledger_posting LIMIT 1
    """
    assert _refused(lonely, role="NONE") == "23514"


@pytest.mark.parametrize("change", ["on_hand = on_hand + 1", "version = version + 1"])
def test_I2_I3_a_balance_without_its_posting_is_refused_to_the_owner(world: World, change: str) -> None:
    post(world, [Move(quantity=5, source="SUPPLIER", target="A1")])
    before = everything()
    assert _refused(f"UPDATE ledger_balance SET {change}", role="NONE") == "23514"
    assert everything() == before


def test_I5_more_than_there_is_cannot_leave(world: World) -> None:
    post(world, [Move(quantity=5, source="SUPPLIER", target="A1")])
    before = everything()
    assert post(world, [Move(quantity=6, source="A1", target="CUSTOMER")]).is_posted is False
    assert everything() == before


def test_I5_lines_on_one_place_are_checked_on_their_sum(world: World) -> None:
    post(world, [Move(quantity=5, source="SUPPLIER", target="A1")])
    before = everything()
    half = Move(quantity=3, source="A1", target="CUSTOMER")
    assert post(world, [half, half]).is_posted is False
    assert everything() == before


def test_I5_a_lax_place_may_go_below_zero(world: World) -> None:
    assert post(world, [Move(quantity=6, source="LAX", target="CUSTOMER")]).is_posted is True
    assert on_hand(world, "LAX") == -6


def test_I5_the_constraint_stands_behind_the_check(world: World) -> None:
    with pytest.raises(Error) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute(
            "CREATE OR REPLACE FUNCTION ledger_allows(legs ledger_leg[])"
            " RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'"
        )
        post(world, [Move(quantity=1, source="A1", target="CUSTOMER")])
    assert constraint_of(caught.value) in {
        "ledger_balance_on_hand_not_negative",
        "ledger_balance_held_within_on_hand",
    }


def test_I11_a_second_reversal_is_refused(world: World) -> None:
    first = uuid4()
    post(world, [Move(quantity=5, source="SUPPLIER", target="A1")], ids=[first])
    back = [Move(quantity=5, source="A1", target="SUPPLIER")]
    assert post(world, back, reverses=first).is_posted is True
    post(world, [Move(quantity=5, source="SUPPLIER", target="A1")])
    before = everything()
    with pytest.raises(Error) as caught, transaction.atomic():
        post(world, back, reverses=first)
    assert constraint_of(caught.value) == "ledger_transaction_reverses_id_key"
    assert everything() == before


@pytest.mark.parametrize(
    "second",
    [
        pytest.param([Move(item="SCANNER", serial="S1", quantity=1, source="SUPPLIER", target="B1")], id="twice"),
        pytest.param([Move(item="SCANNER", serial="S2", quantity=2, source="SUPPLIER", target="B1")], id="two"),
        pytest.param([Move(item="SCANNER", serial="S2", quantity=1, source="LAX", target="CUSTOMER")], id="minus"),
    ],
)
def test_I12_a_serial_is_one_piece_in_one_place(world: World, second: list[Move]) -> None:
    arrival = [Move(item="SCANNER", serial="S1", quantity=1, source="SUPPLIER", target="A1")]
    assert post(world, arrival).is_posted is True
    before = everything()
    assert post(world, second).is_posted is False
    assert everything() == before


def test_I12_a_serial_moves_and_comes_back(world: World) -> None:
    for source, target in (("SUPPLIER", "A1"), ("A1", "B1"), ("B1", "CUSTOMER"), ("CUSTOMER", "A2")):
        move = Move(item="SCANNER", serial="S1", quantity=1, source=source, target=target)
        assert post(world, [move]).is_posted is True
    assert [on_hand(world, place, "SCANNER") for place in ("A1", "A2", "B1")] == [0, 1, 0]


def test_I12_a_serial_that_is_not_there_cannot_leave_a_lax_place(world: World) -> None:
    move = Move(item="SCANNER", serial="S1", quantity=1, source="LAX", target="A2")
    before = everything()
    assert post(world, [move]).is_posted is False
    assert everything() == before


def test_expected_quantity_is_what_was_there_before(world: World) -> None:
    post(world, [Move(quantity=5, source="SUPPLIER", target="A1")])
    before = everything()
    assert post(world, [Move(quantity=1, source="A1", target="A2", expected=4)]).is_posted is False
    assert everything() == before
    assert post(world, [Move(quantity=1, source="A1", target="A2", expected=5)]).is_posted is True


def _close(world: World, until: datetime) -> datetime | None:
    found: datetime | None = rows("SELECT ledger_close_period(%s, %s, %s)", [until, world.users["ada"], "month end"])[
        0
    ][0]
    return found


def test_I21_nothing_becomes_effective_in_a_closed_period(world: World) -> None:
    at = datetime.now(UTC) - timedelta(days=2)
    arrival = [Move(quantity=5, source="SUPPLIER", target="A1")]
    post(world, arrival, effective_at=at)
    assert _close(world, at) is None
    before = everything()
    assert post(world, arrival, effective_at=at).is_posted is False
    assert post(world, arrival, effective_at=at - timedelta(days=9)).is_posted is False
    assert everything() == before
    assert post(world, arrival, effective_at=at + timedelta(microseconds=1)).is_posted is True


def test_I21_a_closed_period_is_not_opened_again(world: World) -> None:
    at = datetime.now(UTC) - timedelta(days=2)
    assert _close(world, at) is None
    assert _close(world, at - timedelta(days=1)) == at
    assert rows("SELECT closed_until FROM ledger_period", []) == [(at,)]


def test_nothing_is_effective_in_the_future(world: World) -> None:
    before = everything()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    move = Move(quantity=5, source="SUPPLIER", target="A1")
    assert post(world, [move], effective_at=tomorrow).is_posted is False
    assert everything() == before


def test_a_snapshot_says_what_was_there_when_the_period_ended(world: World) -> None:
    at = datetime.now(UTC) - timedelta(days=2)
    post(world, [Move(quantity=5, source="SUPPLIER", target="A1")], effective_at=at)
    post(world, [Move(quantity=3, source="A1", target="A2")])
    assert _close(world, at) is None
    found = rows(
        "SELECT b.location_id, s.quantity FROM ledger_balance_snapshot s JOIN ledger_balance b ON b.id = s.balance_id",
        [],
    )
    assert found == [(UUID(str(world.locations["A1"])), 5)]
