"""What is answered about stock: balances, their sums, and the postings that made them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from apps.common.api.fields import IdOut, InstantOut, Stub, instant, quantity
from apps.ledger.models import Posting
from apps.ledger.queries import LevelRow
from apps.ledger.types import Kind, number_of


class BalanceShape(Struct, frozen=True, kw_only=True):
    """What is in one place, in the item's base unit."""

    id: IdOut
    item: Stub
    location: Stub
    lot: str | None
    serial: str | None
    owner: str | None
    status: str
    on_hand: str
    held: str
    available: str
    unit: str
    version: int
    last_sequence: int


class PostingShape(Struct, frozen=True, kw_only=True):
    """One leg of a transaction: a signed quantity in one place."""

    id: str
    transaction: Stub
    sequence: int
    line: int
    item: Stub
    location: Stub
    lot: str | None
    serial: str | None
    owner: str | None
    status: str
    quantity: str
    balance_after: str | None
    effective_at: InstantOut
    recorded_at: InstantOut


class LevelShape(Struct, frozen=True, kw_only=True):
    """A sum of balances, in one unit."""

    key: str
    code: str
    name: str
    unit: str
    on_hand: str
    held: str
    available: str


def balance_shapes(balances: Sequence[Any], past: Mapping[UUID, Decimal] | None = None) -> list[BalanceShape]:
    """Return rows of `balance_rows` as they are, or with a past moment's quantities (of which no holds are known)."""
    return [_balance(balance, None if past is None else past[balance.id]) for balance in balances]


def _balance(balance: Any, past: Decimal | None) -> BalanceShape:
    on_hand, held = (balance.on_hand, balance.held) if past is None else (past, Decimal(0))
    return BalanceShape(
        id=str(balance.id),
        item=Stub(id=str(balance.item_id), code=balance.sku, name=balance.item_name),
        location=Stub(id=str(balance.location_id), code=balance.location_code, name=balance.location_name),
        lot=balance.lot_code,
        serial=balance.serial_code,
        owner=balance.owner_code,
        status=balance.status,
        on_hand=quantity(on_hand),
        held=quantity(held),
        available=quantity(on_hand - held),
        unit=balance.unit,
        version=balance.version,
        last_sequence=balance.last_sequence,
    )


def posting_shapes(postings: Sequence[Posting]) -> list[PostingShape]:
    """Return postings as the API shows them."""
    return [_posting(posting) for posting in postings]


def _posting(posting: Posting) -> PostingShape:
    of = posting.transaction
    number = number_of(Kind(of.kind), of.recorded_at, of.sequence)
    return PostingShape(
        id=f"{of.sequence}-{posting.line}",
        transaction=Stub(id=str(of.pk), code=number, name=of.kind),
        sequence=of.sequence,
        line=posting.line // 2,
        item=Stub(id=str(posting.item_id), code=posting.item.sku, name=posting.item.name),
        location=Stub(id=str(posting.location_id), code=posting.location.code, name=posting.location.name),
        lot=posting.lot.code if posting.lot else None,
        serial=posting.serial.code if posting.serial else None,
        owner=posting.owner.code if posting.owner else None,
        status=posting.status,
        quantity=quantity(posting.quantity),
        balance_after=None if posting.balance_after is None else quantity(posting.balance_after),
        effective_at=instant(posting.effective_at),
        recorded_at=instant(of.recorded_at),
    )


def level_shape(row: LevelRow) -> LevelShape:
    """Return one sum as the API shows it."""
    return LevelShape(
        key=row.key,
        code=row.code,
        name=row.name,
        unit=row.unit,
        on_hand=quantity(row.on_hand),
        held=quantity(row.held),
        available=quantity(row.on_hand - row.held),
    )
