"""Posting: the one way to write stock (ledger.md, principle 1).

`ledger_post` in the database locks, checks and writes in one call. What it refuses, it refuses whole, and gives back
the levels that stood in the way; here they become words.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction
from psycopg import errors as pg

from apps.common.db import constraint_of, rows, violated
from apps.common.errors import Conflict, Invalid, Problem
from apps.common.quantities import text_of
from apps.ledger.actions.resolve import prefixed, resolve
from apps.ledger.types import Draft, Entry, ErrorPolicy, Level, Line, Posted
from audit import Event, Origin
from audit.django import actions as trail
from rbac import Scope

_POST = "SELECT * FROM ledger_post(%s::jsonb, %s::jsonb, %s)"
_encoder = msgspec.json.Encoder(decimal_format="number")


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
class Refused:
    """One item of a batch that was not posted, and why; pointers are relative to the item."""

    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What posting would do: the levels afterwards, or what stands in the way."""

    posted: Posted | None
    problems: Sequence[Problem] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class _Leg:
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


@transaction.atomic(savepoint=False)
def post_transaction(draft: Draft, *, scope: Scope, origin: Origin) -> Posted:
    """Post one transaction, or refuse it whole and change nothing.

    Raises `Invalid` where the draft is wrong in itself and a `Conflict` where the state of the stock forbids it; both
    name every bad line, with pointers like `#/lines/3/quantity`.
    """
    (entry,) = resolve([draft], scope=scope)
    if isinstance(entry, list):
        raise Invalid.of(prefixed(entry, "#"))
    return post_entries([entry], origin=origin, pointers=["#"])[0]


@transaction.atomic(savepoint=False)
def post_batch(drafts: Sequence[Draft], *, policy: ErrorPolicy, scope: Scope, origin: Origin) -> list[Posted | Refused]:
    """Post many transactions: all or none, or each for itself in their order; return a result for each.

    `reject_all` checks the sum of all lines and raises as `post_transaction` does, with pointers like
    `#/items/2/lines/3/quantity`. `skip_failed` never raises for a bad item.
    """
    resolved = resolve(drafts, scope=scope)
    if policy is ErrorPolicy.REJECT_ALL:
        problems = [
            problem
            for index, entry in enumerate(resolved)
            if isinstance(entry, list)
            for problem in prefixed(entry, f"#/items/{index}")
        ]
        if problems:
            raise Invalid.of(problems)
        entries = [entry for entry in resolved if isinstance(entry, Entry)]
        return list(post_entries(entries, origin=origin, pointers=[f"#/items/{i}" for i in range(len(entries))]))
    return _post_each(resolved, origin)


def preview_transaction(draft: Draft, *, scope: Scope, origin: Origin) -> Preview:
    """Return what posting `draft` would do, and do nothing.

    Raises `Invalid` where the draft is wrong in itself; shortages are part of the answer.
    """
    (entry,) = resolve([draft], scope=scope)
    if isinstance(entry, list):
        raise Invalid.of(prefixed(entry, "#"))
    with transaction.atomic():
        legs = _call([entry], origin, in_order=False)
        transaction.set_rollback(True)
    if legs and not legs[0].is_posted:
        return Preview(posted=None, problems=prefixed(_refusals([entry], legs, in_order=False)[0], "#"))
    return Preview(posted=_posted([entry], legs)[0])


def post_entries(entries: Sequence[Entry], *, origin: Origin, pointers: Sequence[str]) -> list[Posted]:
    """Post resolved entries as one, on the sum of their lines, with one audit event each.

    `pointers` name the entries in errors. Raises a `Conflict` and changes nothing where the stock forbids it.
    """
    legs = _call(entries, origin, in_order=False)
    if legs and not legs[0].is_posted:
        refusals = _refusals(entries, legs, in_order=False)
        raise _conflict([p for index, problems in refusals.items() for p in prefixed(problems, pointers[index])])
    posted = _posted(entries, legs)
    trail.record_many([_event(one) for one in posted], origin=origin)
    return posted


def _post_each(resolved: Sequence[Entry | list[Problem]], origin: Origin) -> list[Posted | Refused]:
    """Post what can be posted, as if one came after the other.

    The first call locks every balance of the batch; if it refuses, its levels tell which items can be posted, and
    since the locks are held the second call posts just those.
    """
    results: dict[int, Posted | Refused] = {
        index: Refused(entry) for index, entry in enumerate(resolved) if isinstance(entry, list)
    }
    good = [(index, entry) for index, entry in enumerate(resolved) if isinstance(entry, Entry)]
    legs = _call([entry for _, entry in good], origin, in_order=True) if good else []
    if legs and not legs[0].is_posted:
        refusals = _refusals([entry for _, entry in good], legs, in_order=True)
        results |= {good[place][0]: Refused(problems) for place, problems in refusals.items()}
        good = [pair for place, pair in enumerate(good) if place not in refusals]
        legs = _call([entry for _, entry in good], origin, in_order=True) if good else []
    posted = _posted([entry for _, entry in good], legs)
    trail.record_many([_event(one) for one in posted], origin=origin)
    results |= {index: one for (index, _), one in zip(good, posted, strict=True)}
    return [results[index] for index in range(len(resolved))]


def _call(entries: Sequence[Entry], origin: Origin, *, in_order: bool) -> list[_Leg]:
    headers = [
        {
            "id": entry.id,
            "kind": entry.kind,
            "effective_at": entry.effective_at,
            "actor": origin.actor_id or UUID(int=0),
            "reason": entry.reason,
            "reference": entry.reference,
            "note": entry.note,
            "request_id": origin.request_id,
            "reverses": entry.reverses,
        }
        for entry in entries
    ]
    lines = [_wire(txn, index, line) for txn, entry in enumerate(entries) for index, line in enumerate(entry.lines)]
    try:
        found = rows(_POST, [_encoder.encode(headers).decode(), _encoder.encode(lines).decode(), in_order])
    except IntegrityError as error:
        if violated(error, pg.UniqueViolation) and constraint_of(error) == "ledger_transaction_reverses_id_key":
            raise AlreadyReversed("This transaction was reversed already.") from error
        raise
    return sorted((_Leg(*row) for row in found), key=lambda leg: (leg.txn, leg.line))


def _wire(txn: int, index: int, line: Line) -> dict[str, Any]:
    expects_source = not line.source.is_virtual
    return {
        "txn": txn,
        "line": index,
        "item": line.item_id,
        "lot": line.lot_id,
        "serial": line.serial_id,
        "quantity": line.quantity,
        "from_location": line.source.location_id,
        "from_status": line.source.status,
        "from_owner": line.source.owner_id,
        "from_expected": line.expected if expects_source else None,
        "to_location": line.target.location_id,
        "to_status": line.target.status,
        "to_owner": line.target.owner_id,
        "to_expected": None if expects_source else line.expected,
        "entered": line.entered_quantity,
        "unit": line.unit_id,
        "num": line.factor_num,
        "den": line.factor_den,
    }


def _posted(entries: Sequence[Entry], legs: Sequence[_Leg]) -> list[Posted]:
    by_entry: dict[int, list[_Leg]] = defaultdict(list)
    for leg in legs:
        by_entry[leg.txn].append(leg)
    posted = []
    for index, entry in enumerate(entries):
        own = by_entry[index]
        recorded_at = own[0].recorded_at
        posted.append(
            Posted(
                entry=entry,
                sequence=own[0].sequence or 0,
                recorded_at=recorded_at,
                effective_at=entry.effective_at or recorded_at,
                levels=[(_level(left), _level(arrived)) for left, arrived in zip(own[::2], own[1::2], strict=True)],
            )
        )
    return posted


def _level(leg: _Leg) -> Level | None:
    return None if leg.on_hand is None or leg.held is None else Level(leg.on_hand, leg.held)


def _event(posted: Posted) -> Event:
    entry = posted.entry
    return Event(
        action="stock.posted",
        object_type="transaction",
        object_id=str(entry.id),
        after={"kind": entry.kind.value, "number": posted.number, "lines": len(entry.lines)},
    )


def _refusals(entries: Sequence[Entry], legs: Sequence[_Leg], *, in_order: bool) -> dict[int, list[Problem]]:
    """Return what stands in the way of each refused entry, from the levels that were locked.

    In order, an entry is judged on what the accepted ones before it leave; else all are judged on the sum.
    """
    grouped = [[leg for leg in legs if leg.txn == index] for index in range(len(entries))] if in_order else [legs]
    on_hand: dict[UUID, Decimal] = {
        leg.balance_id: leg.on_hand for leg in legs if leg.balance_id and leg.on_hand is not None
    }
    refusals: dict[int, list[Problem]] = defaultdict(list)
    for group in grouped:
        changes = _changes(entries, group)
        found: list[tuple[int, Problem]] = []
        for leg in group:
            found += [(leg.txn, problem) for problem in _stands_in_the_way(entries, leg, on_hand, changes)]
        for txn, problem in found:
            refusals[txn].append(problem)
        if not found:
            for balance, change in changes.items():
                on_hand[balance] += change
    return dict(refusals)


def _changes(entries: Sequence[Entry], legs: Sequence[_Leg]) -> dict[UUID, Decimal]:
    changes: dict[UUID, Decimal] = defaultdict(Decimal)
    for leg in legs:
        if leg.balance_id:
            changes[leg.balance_id] += _signed(entries, leg)
    return changes


def _signed(entries: Sequence[Entry], leg: _Leg) -> Decimal:
    quantity = entries[leg.txn].lines[leg.line // 2].quantity
    return quantity if leg.line % 2 else -quantity


def _stands_in_the_way(
    entries: Sequence[Entry], leg: _Leg, on_hand: dict[UUID, Decimal], changes: dict[UUID, Decimal]
) -> list[Problem]:
    entry = entries[leg.txn]
    problems = []
    if leg.line == 0:
        problems += _untimely(entry, leg)
    if leg.balance_id is None:
        return problems
    line, arrives = entry.lines[leg.line // 2], leg.line % 2 == 1
    pointer, before = f"/lines/{leg.line // 2}", on_hand[leg.balance_id]
    if line.expected is not None and arrives == line.source.is_virtual and line.expected != before:
        problems.append(_changed(pointer, line.expected, before))
    held, change = leg.held or Decimal(0), changes[leg.balance_id]
    is_bounded = line.serial_id is not None or not leg.allows_negative
    if not arrives and is_bounded and before - held + change < 0:
        problems.append(_short(pointer, line, needed=-change, available=before - held, held=held))
    if arrives and line.serial_id and leg.serial_pieces and line.source.is_virtual:
        text = f"Serial {line.serial} is in stock already. Move it from where it is."
        problems.append(Problem(pointer=f"{pointer}/serial", code="serial_elsewhere", detail=text))
    return problems


def _untimely(entry: Entry, leg: _Leg) -> list[Problem]:
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


def _conflict(problems: Sequence[Problem]) -> Conflict:
    codes = {problem.code for problem in problems}
    kind = _BY_CODE[codes.pop()] if len(codes) == 1 else SeveralConflicts
    detail = problems[0].detail if len(problems) == 1 else f"{len(problems)} lines are refused; see errors."
    return kind(detail, problems)
