"""Why the database refused: the levels that it had locked, put into words."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from apps.common.errors import Conflict, Problem
from apps.common.quantities import text_of
from apps.ledger.types import Entry, Line


class InsufficientStock(Conflict):
    """A place would be left with less than nothing, or less than what is held there."""

    code = "insufficient_stock"
    title = "Insufficient stock"


class QuantityChanged(Conflict):
    """The quantity on hand is not what the caller believed it to be."""

    code = "quantity_changed"
    title = "The quantity has changed"


class SerialElsewhere(Conflict):
    """A serial number would be in two places at once."""

    code = "serial_elsewhere"
    title = "The serial is already in stock"


class PeriodClosed(Conflict):
    """The books are closed for the time that the transaction claims."""

    code = "period_closed"
    title = "The period is closed"


class EffectiveInFuture(Conflict):
    """A transaction cannot have happened later than now."""

    code = "effective_in_future"
    title = "Not yet"


class AlreadyReversed(Conflict):
    """A transaction is reversed once at most."""

    code = "already_reversed"
    title = "Already reversed"


class SeveralConflicts(Conflict):
    """Lines of one request are refused for different reasons; each error has its own code."""

    code = "conflict"


_BY_CODE: dict[str, type[Conflict]] = {
    kind.code: kind for kind in (InsufficientStock, QuantityChanged, SerialElsewhere, PeriodClosed, EffectiveInFuture)
}


@dataclass(frozen=True, slots=True)
class Leg:
    """One row of `ledger_post`'s answer: its columns, in order."""

    is_posted: bool
    txn: int
    line: int
    balance_id: UUID | None
    sequence: int | None
    recorded_at: datetime
    on_hand: Decimal | None
    held: Decimal | None
    allows_negative: bool | None
    serial_pieces: Decimal | None
    closed_until: datetime | None

    @property
    def arrives(self) -> bool:
        """Tell whether stock arrives here; on the other leg of the line it left."""
        return self.line % 2 == 1


@dataclass(frozen=True, slots=True)
class _Stock:
    """What is where: pieces on hand by balance, and in all physical places by serial."""

    on_hand: dict[UUID, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    of_serial: dict[UUID, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, other: "_Stock") -> None:
        """Let the changes of `other` happen."""
        for balance, change in other.on_hand.items():
            self.on_hand[balance] += change
        for serial, change in other.of_serial.items():
            self.of_serial[serial] += change


def refusals(entries: Sequence[Entry], legs: Sequence[Leg], *, in_order: bool) -> dict[int, list[Problem]]:
    """Return what stands in the way of each refused entry, by its index; `legs` are all of theirs, in their order.

    In order, an entry is judged on what the accepted ones before it leave; else all are judged on the sum.
    """
    stock = _locked(entries, legs)
    refused: dict[int, list[Problem]] = defaultdict(list)
    for _, turn in groupby(legs, key=lambda leg: leg.txn if in_order else 0):
        group = list(turn)
        changes = _changes(entries, group)
        found = [(leg.txn, problem) for leg in group for problem in _stands_in_the_way(entries, leg, stock, changes)]
        for txn, problem in found:
            refused[txn].append(problem)
        if not found:
            stock.add(changes)
    return dict(refused)


def conflict_of(problems: Sequence[Problem]) -> Conflict:
    """Return the error that names all problems: of their one kind, or of several."""
    codes = {problem.code for problem in problems}
    kind = _BY_CODE[codes.pop()] if len(codes) == 1 else SeveralConflicts
    detail = problems[0].detail if len(problems) == 1 else f"{len(problems)} lines are refused; see errors."
    return kind(detail, problems)


def _locked(entries: Sequence[Entry], legs: Iterable[Leg]) -> _Stock:
    stock = _Stock()
    for leg in legs:
        if leg.balance_id and leg.on_hand is not None:
            stock.on_hand[leg.balance_id] = leg.on_hand
        if (serial := _line(entries, leg).serial_id) and leg.serial_pieces is not None:
            stock.of_serial[serial] = leg.serial_pieces
    return stock


def _changes(entries: Sequence[Entry], legs: Iterable[Leg]) -> _Stock:
    changes = _Stock()
    for leg in legs:
        if leg.balance_id:
            line = _line(entries, leg)
            change = line.quantity if leg.arrives else -line.quantity
            changes.on_hand[leg.balance_id] += change
            if line.serial_id:
                changes.of_serial[line.serial_id] += change
    return changes


def _line(entries: Sequence[Entry], leg: Leg) -> Line:
    return entries[leg.txn].lines[leg.line // 2]


def _stands_in_the_way(entries: Sequence[Entry], leg: Leg, stock: _Stock, changes: _Stock) -> list[Problem]:
    problems = _untimely(entries[leg.txn], leg) if leg.line == 0 else []
    if leg.balance_id is None:
        return problems
    line, pointer, before = _line(entries, leg), f"/lines/{leg.line // 2}", stock.on_hand[leg.balance_id]
    if line.expected is not None and leg.arrives == line.source.is_virtual and line.expected != before:
        problems.append(_changed(pointer, line.expected, before))
    held, change = leg.held or Decimal(0), changes.on_hand[leg.balance_id]
    is_bounded = line.serial_id is not None or not leg.allows_negative
    if not leg.arrives and is_bounded and before - held + change < 0:
        problems.append(_short(pointer, line, needed=-change, available=before - held, held=held))
    if leg.arrives and line.serial_id:
        pieces = stock.of_serial[line.serial_id]
        if pieces + changes.of_serial[line.serial_id] > 1:
            problems.append(_twice(pointer, line, is_in_stock=pieces > 0))
    return problems


def _untimely(entry: Entry, leg: Leg) -> list[Problem]:
    at, closed = entry.effective_at, leg.closed_until
    if at is None:
        return []
    if closed is not None and at <= closed:
        text = f"The books are closed until {closed.isoformat()}. Post it with a later effective_at."
        return [Problem(pointer="/effective_at", code="period_closed", detail=text)]
    if at > leg.recorded_at:
        text = f"It is only {leg.recorded_at.isoformat()} here. Leave effective_at out for now."
        return [Problem(pointer="/effective_at", code="effective_in_future", detail=text)]
    return []


def _changed(pointer: str, expected: Decimal, actual: Decimal) -> Problem:
    return Problem(
        pointer=f"{pointer}/expected_quantity",
        code="quantity_changed",
        detail=f"Expected {text_of(expected)} on hand, found {text_of(actual)}.",
        meta={"expected": text_of(expected), "actual": text_of(actual)},
    )


def _short(pointer: str, line: Line, *, needed: Decimal, available: Decimal, held: Decimal) -> Problem:
    return Problem(
        pointer=f"{pointer}/quantity",
        code="insufficient_stock",
        detail=f"Need {text_of(needed)}, available {text_of(available)} at {line.source.location_code}.",
        meta={"needed": text_of(needed), "available": text_of(available), "held": text_of(held)},
    )


def _twice(pointer: str, line: Line, *, is_in_stock: bool) -> Problem:
    where = "is in stock already. Move it from where it is." if is_in_stock else "arrives twice in this request."
    return Problem(pointer=f"{pointer}/serial", code="serial_elsewhere", detail=f"Serial {line.serial} {where}")
