"""What is answered about transactions and their lines."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from apps.common.api.errors import ProblemItem
from apps.common.api.fields import IdOut, InstantOut, Stub, instant, quantity
from apps.common.errors import Problem
from apps.ledger.models import Posting, Transaction
from apps.ledger.types import Kind, Level, Line, Place, Posted, number_of


class Side(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One side of a line. In a virtual place there is no level; `on_hand` is what the posting left there."""

    location: Stub | None
    status: str
    owner: str | None = None
    on_hand: str | None = None
    held: str | UnsetType = UNSET
    available: str | UnsetType = UNSET


class LineShape(Struct, frozen=True, kw_only=True, rename={"source": "from", "target": "to"}):
    """A movement that was posted; `quantity` is in the item's base unit, `entered` is as it was asked for."""

    index: int
    item: Stub
    quantity: str
    unit: str
    entered_quantity: str
    entered_unit: str
    lot: str | None
    serial: str | None
    source: Side
    target: Side


class TransactionShape(Struct, frozen=True, kw_only=True):
    """A transaction with its lines."""

    id: IdOut
    number: str
    sequence: int
    kind: str
    effective_at: InstantOut
    recorded_at: InstantOut
    actor_id: IdOut
    request_id: str
    reason: str
    reference: str
    note: str
    reverses: IdOut | None
    reversed_by: IdOut | None
    lines: list[LineShape]


class BatchResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one item of a batch: posted, or refused with its problems."""

    index: int
    status: int
    id: IdOut | UnsetType = UNSET
    number: str | UnsetType = UNSET
    sequence: int | UnsetType = UNSET
    errors: list[ProblemItem] | UnsetType = UNSET


class BatchShape(Struct, frozen=True, kw_only=True):
    """One result for each item, in their order."""

    results: list[BatchResult]


class PreviewShape(Struct, frozen=True, kw_only=True):
    """What posting would do; nothing was stored."""

    is_postable: bool
    lines: list[LineShape]
    errors: list[ProblemItem]


def posted_shape(posted: Posted, *, actor_id: UUID, request_id: str) -> TransactionShape:
    """Return what was just posted, with the levels afterwards."""
    entry = posted.entry
    return TransactionShape(
        id=str(entry.id),
        number=posted.number,
        sequence=posted.sequence,
        kind=entry.kind,
        effective_at=instant(posted.effective_at),
        recorded_at=instant(posted.recorded_at),
        actor_id=str(actor_id),
        request_id=request_id,
        reason=entry.reason,
        reference=entry.reference,
        note=entry.note,
        reverses=str(entry.reverses) if entry.reverses else None,
        reversed_by=None,
        lines=line_shapes(posted),
    )


def line_shapes(posted: Posted) -> list[LineShape]:
    """Return the lines of what was posted, or would be."""
    return [
        _posted_line(index, line, *levels)
        for index, (line, levels) in enumerate(zip(posted.entry.lines, posted.levels, strict=True))
    ]


def _posted_line(index: int, line: Line, left: Level | None, arrived: Level | None) -> LineShape:
    return LineShape(
        index=index,
        item=Stub(id=str(line.item_id), code=line.sku, name=line.item_name),
        quantity=quantity(line.quantity),
        unit=line.base_unit,
        entered_quantity=quantity(line.entered_quantity),
        entered_unit=line.unit,
        lot=line.lot,
        serial=line.serial,
        source=_posted_side(line.source, left),
        target=_posted_side(line.target, arrived),
    )


def _posted_side(place: Place, level: Level | None) -> Side:
    location = Stub(id=str(place.location_id), code=place.location_code, name=place.location_name)
    if level is None:
        return Side(location=location, status=place.status, owner=place.owner_code)
    return Side(
        location=location,
        status=place.status,
        owner=place.owner_code,
        on_hand=quantity(level.on_hand),
        held=quantity(level.held),
        available=quantity(level.available),
    )


def problem_items(problems: Sequence[Problem]) -> list[ProblemItem]:
    """Return problems as an answer lists them."""
    return [
        ProblemItem(pointer=problem.pointer, code=problem.code, detail=problem.detail, meta=dict(problem.meta))
        for problem in problems
    ]


def transaction_shapes(
    transactions: Sequence[Transaction], legs: Sequence[Posting], visible: set[UUID] | None
) -> list[TransactionShape]:
    """Return transactions as the caller may see them: sides elsewhere are hidden, lines wholly elsewhere left out."""
    by_sequence: dict[int, list[Posting]] = {}
    for leg in legs:
        by_sequence.setdefault(leg.transaction_id, []).append(leg)
    return [_transaction(one, by_sequence.get(one.sequence, []), visible) for one in transactions]


def _transaction(one: Transaction, legs: Sequence[Posting], visible: set[UUID] | None) -> TransactionShape:
    reversed_by = getattr(one, "reversed_by", None)
    return TransactionShape(
        id=str(one.pk),
        number=number_of(Kind(one.kind), one.recorded_at, one.sequence),
        sequence=one.sequence,
        kind=one.kind,
        effective_at=instant(one.effective_at),
        recorded_at=instant(one.recorded_at),
        actor_id=str(one.actor_id),
        request_id=one.request_id,
        reason=one.reason,
        reference=one.reference,
        note=one.note,
        reverses=str(one.reverses_id) if one.reverses_id else None,
        reversed_by=str(reversed_by.pk) if reversed_by else None,
        lines=[
            _line(left, arrived, visible)
            for left, arrived in zip(legs[::2], legs[1::2], strict=True)
            if visible is None or left.location_id in visible or arrived.location_id in visible
        ],
    )


def _line(left: Posting, arrived: Posting, visible: set[UUID] | None) -> LineShape:
    return LineShape(
        index=left.line // 2,
        item=Stub(id=str(left.item_id), code=left.item.sku, name=left.item.name),
        quantity=quantity(arrived.quantity),
        unit=left.item.base_unit.code,
        entered_quantity=quantity(left.entered_quantity),
        entered_unit=left.entered_unit.code,
        lot=left.lot.code if left.lot else None,
        serial=left.serial.code if left.serial else None,
        source=_side(left, visible),
        target=_side(arrived, visible),
    )


def _side(leg: Posting, visible: set[UUID] | None) -> Side:
    is_hidden = visible is not None and leg.balance_id is not None and leg.location_id not in visible
    if is_hidden:
        return Side(location=None, status=leg.status)
    return Side(
        location=Stub(id=str(leg.location_id), code=leg.location.code, name=leg.location.name),
        status=leg.status,
        owner=leg.owner.code if leg.owner else None,
        on_hand=None if leg.balance_after is None else quantity(leg.balance_after),
    )
