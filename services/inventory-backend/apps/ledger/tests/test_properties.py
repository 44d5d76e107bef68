"""The invariants under any sequence of posts, reversals and closed periods, on PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar
from uuid import UUID, uuid4

from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from apps.common.db import rows
from apps.ledger.tests.invariants import broken
from apps.ledger.tests.posting import Move, Outcome, everything, post
from tests.world import World

PHYSICAL = ("A1", "A2", "B1", "LAX")
PLACES = (*PHYSICAL, "SUPPLIER", "CUSTOMER")
STATES = ("available", "quarantine")
QUANTITIES = st.integers(1, 9_000_000).map(lambda millionths: Decimal(millionths).scaleb(-6))


@st.composite
def moves(draw: st.DrawFn) -> Move:
    """Draw a line; half of them could be refused."""
    source, target = draw(st.permutations(PLACES))[:2]
    status, to_status = draw(st.sampled_from(STATES)), draw(st.sampled_from(STATES))
    match draw(st.sampled_from(("BOLT", "COFFEE", "SCANNER"))):
        case "BOLT":
            return Move(
                quantity=draw(st.integers(1, 9)), source=source, target=target, status=status, to_status=to_status
            )
        case "COFFEE":
            lot = draw(st.sampled_from(("L1", "L2")))
            return Move(item="COFFEE", lot=lot, quantity=draw(QUANTITIES), source=source, target=target)
        case _:
            serial = draw(st.sampled_from(("S1", "S2")))
            # Not out of LAX: see test_I12_a_serial_that_is_not_there_cannot_leave_a_lax_place.
            source = draw(st.sampled_from([place for place in PLACES if place not in {"LAX", target}]))
            return Move(item="SCANNER", serial=serial, quantity=1, source=source, target=target)


@contextmanager
def undone() -> Iterator[None]:
    """Undo an example's writes: the ledger refuses to forget in any other way."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


type _Key = tuple[str, str | None, str | None, str, str]


class Ledger(RuleBasedStateMachine):
    """Post, reverse and close in any order, beside a model that is a dictionary."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.undo = undone()
        self.undo.__enter__()
        self.model: dict[_Key, Decimal] = {}
        self.reversible: list[tuple[UUID, list[Move]]] = []

    def teardown(self) -> None:
        """Undo the example."""
        self.undo.__exit__(None, None, None)

    @rule(lines=st.lists(moves(), min_size=1, max_size=4))
    def post_lines(self, lines: list[Move]) -> None:
        name = uuid4()
        if self._post(lines, lambda: post(self.world, lines, ids=[name])):
            self.reversible.append((name, lines))

    @precondition(lambda self: self.reversible)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.reversible) - 1))
        name, lines = self.reversible[index]
        back = [
            replace(line, source=line.target, target=line.source, status=line.to_status, to_status=line.status)
            for line in lines
        ]
        if self._post(back, lambda: post(self.world, back, reverses=name)):
            self.reversible.pop(index)

    @rule()
    def close_period(self) -> None:
        rows("SELECT ledger_close_period(clock_timestamp(), %s, '')", [self.world.users["ada"]])

    @invariant()
    def I1_I2_I3_I4_I5_I12_hold(self) -> None:
        assert broken() == {}

    @invariant()
    def balances_are_the_model(self) -> None:
        names = {
            pk: code
            for codes in (self.world.items, self.world.locations, self.world.lots, self.world.serials)
            for code, pk in codes.items()
        }
        found = rows(
            "SELECT item_id, lot_id, serial_id, location_id, status, on_hand FROM ledger_balance WHERE on_hand <> 0", []
        )
        told = {
            (names[item], names.get(lot), names.get(serial), names[place], status): on_hand
            for item, lot, serial, place, status, on_hand in found
        }
        assert told == {key: quantity for key, quantity in self.model.items() if quantity}

    def _post(self, lines: list[Move], call: Callable[[], Outcome]) -> bool:
        after = dict(self.model)
        for line in lines:
            for place, status, quantity in (
                (line.source, line.status, -line.quantity),
                (line.target, line.to_status, line.quantity),
            ):
                if place in PHYSICAL:
                    key = (line.item, line.lot, line.serial, place, status)
                    after[key] = after.get(key, Decimal(0)) + quantity
        before = everything()
        is_posted = call().is_posted
        assert is_posted == _is_allowed(after)
        if is_posted:
            self.model = after
        else:
            assert everything() == before
        return is_posted


def _is_allowed(model: dict[_Key, Decimal]) -> bool:
    in_stock = all(quantity >= 0 for (*_, place, _), quantity in model.items() if place != "LAX")
    pieces: dict[str, list[Decimal]] = {}
    for (_, _, serial, _, _), quantity in model.items():
        if serial:
            pieces.setdefault(serial, []).append(quantity)
    return in_stock and all(max(each) <= 1 and min(each) >= 0 and sum(each) <= 1 for each in pieces.values())


def test_b2_I1_to_I5_I11_I12_hold_in_every_state(world: World) -> None:
    machine = type("Machine", (Ledger,), {"world": world})
    run_state_machine_as_test(machine)


@given(data=st.data(), lines=st.lists(moves(), min_size=2, max_size=6))
def test_I22_the_order_of_lines_never_changes_the_result(world: World, data: st.DataObject, lines: list[Move]) -> None:
    stock = [
        Move(quantity=9, source="SUPPLIER", target="A1"),
        Move(item="COFFEE", lot="L1", quantity=9, source="SUPPLIER", target="A2"),
        Move(item="SCANNER", serial="S1", quantity=1, source="SUPPLIER", target="B1"),
    ]
    results = []
    for order in (lines, data.draw(st.permutations(lines))):
        with undone():
            post(world, stock)
            posted = post(world, order).is_posted
            levels = rows("SELECT id, on_hand, version FROM ledger_balance WHERE version > 0 ORDER BY id", [])
            assert broken() == {}
            results.append((posted, levels))
    assert results[0] == results[1]


@given(lines=st.lists(moves(), min_size=1, max_size=5))
def test_I22_a_batch_in_order_is_the_same_as_one_after_the_other(world: World, lines: list[Move]) -> None:
    with undone():
        together = post(world, *[[line] for line in lines], in_order=True).is_posted
        levels = rows("SELECT id, on_hand, version FROM ledger_balance WHERE version > 0 ORDER BY id", [])
    with undone():
        one_by_one = all(post(world, [line]).is_posted for line in lines)
        if one_by_one:
            assert levels == rows("SELECT id, on_hand, version FROM ledger_balance WHERE version > 0 ORDER BY id", [])
    assert together == one_by_one
    assert one_by_one or levels == []


@given(lines=st.lists(moves(), min_size=1, max_size=4))
def test_I11_a_reversal_restores_every_balance(world: World, lines: list[Move]) -> None:
    query = "SELECT id, on_hand FROM ledger_balance WHERE on_hand <> 0 ORDER BY id"
    with undone():
        post(world, [Move(quantity=9, source="SUPPLIER", target="A1")])
        before, name = rows(query, []), uuid4()
        if not post(world, lines, ids=[name]).is_posted:
            return
        back = [
            replace(line, source=line.target, target=line.source, status=line.to_status, to_status=line.status)
            for line in lines
        ]
        assert post(world, back, reverses=name).is_posted
        assert rows(query, []) == before


@given(
    facts=st.lists(st.tuples(st.sampled_from(PHYSICAL), st.integers(1, 5), st.integers(1, 40)), min_size=1, max_size=8),
    closed_hours_ago=st.integers(1, 40),
)
def test_I13_a_snapshot_and_what_came_later_is_what_is_there(
    world: World, facts: list[tuple[str, int, int]], closed_hours_ago: int
) -> None:
    now = datetime.now(UTC)
    until = now - timedelta(hours=closed_hours_ago)
    with undone(), connection.cursor():
        for place, quantity, hours_ago in facts:
            move = Move(quantity=quantity, source="SUPPLIER", target=place)
            assert post(world, [move], effective_at=now - timedelta(hours=hours_ago)).is_posted
        then = dict(
            rows(
                "SELECT balance_id, sum(quantity) FROM ledger_posting"
                " WHERE balance_id IS NOT NULL AND effective_at <= %s GROUP BY balance_id",
                [until],
            )
        )
        rows("SELECT ledger_close_period(%s, %s, '')", [until, world.users["ada"]])
        assert dict(rows("SELECT balance_id, quantity FROM ledger_balance_snapshot", [])) == then
        later = dict(
            rows(
                "SELECT balance_id, sum(quantity) FROM ledger_posting"
                " WHERE balance_id IS NOT NULL AND effective_at > %s GROUP BY balance_id",
                [until],
            )
        )
        for balance, on_hand in rows("SELECT id, on_hand FROM ledger_balance", []):
            assert then.get(balance, 0) + later.get(balance, 0) == on_hand
