"""Values that cross the ledger's border."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID


class Status(StrEnum):
    """Whether stock may be used; a dimension of the balance, so that changing it is a posting."""

    AVAILABLE = "available"
    QUARANTINE = "quarantine"
    DAMAGED = "damaged"
    ON_HOLD = "on_hold"


class TransactionKind(StrEnum):
    """What a transaction is about."""

    OPENING = "opening"
    RECEIPT = "receipt"
    SHIPMENT = "shipment"
    TRANSFER = "transfer"
    ADJUSTMENT = "adjustment"
    SCRAP = "scrap"
    PRODUCTION = "production"
    CUSTOMER_RETURN = "customer_return"
    SUPPLIER_RETURN = "supplier_return"
    RECLASSIFICATION = "reclassification"
    REVERSAL = "reversal"


# Inside the ledger there is only one kind; the long name is what the API's document calls it.
Kind = TransactionKind

# Terms of the trade for the numbers that people read out: RCV-2026-000123.
PREFIXES: Final = {
    TransactionKind.OPENING: "OPN",
    TransactionKind.RECEIPT: "RCV",
    TransactionKind.SHIPMENT: "SHP",
    TransactionKind.TRANSFER: "TRF",
    TransactionKind.ADJUSTMENT: "ADJ",
    TransactionKind.SCRAP: "SCR",
    TransactionKind.PRODUCTION: "PRD",
    TransactionKind.CUSTOMER_RETURN: "CRT",
    TransactionKind.SUPPLIER_RETURN: "SRT",
    TransactionKind.RECLASSIFICATION: "RCL",
    TransactionKind.REVERSAL: "REV",
}


class ErrorPolicy(StrEnum):
    """What a batch does with a bad item."""

    REJECT_ALL = "reject_all"
    SKIP_FAILED = "skip_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLine:
    """A movement as somebody asked for it; things are named by selectors, `quantity` is in `unit`.

    Where a side is None the kind of the transaction says which virtual place it is. `expected` is the quantity in
    base units that the caller believes to be on hand where stock leaves, or where it arrives from a virtual place.
    """

    item: str
    quantity: Decimal
    from_location: str | None = None
    to_location: str | None = None
    unit: str | None = None
    lot: str | None = None
    serial: str | None = None
    status: Status = Status.AVAILABLE
    to_status: Status | None = None
    owner: str | None = None
    to_owner: str | None = None
    expected: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A transaction as somebody asked for it; `effective_at` None means now."""

    kind: TransactionKind
    lines: Sequence[DraftLine]
    effective_at: datetime | None = None
    reason: str = ""
    reference: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One side of a line: whose stock, in which state, where."""

    location_id: UUID
    location_code: str
    location_name: str
    is_virtual: bool
    status: Status
    owner_id: UUID | None
    owner_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A movement with everything resolved; `quantity` is positive, in the item's base unit."""

    item_id: UUID
    sku: str
    item_name: str
    base_unit: str
    lot_id: UUID | None
    lot: str | None
    serial_id: UUID | None
    serial: str | None
    quantity: Decimal
    source: Place
    target: Place
    expected: Decimal | None
    entered_quantity: Decimal
    unit_id: UUID
    unit: str
    factor_num: int
    factor_den: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A transaction with everything resolved, ready to post."""

    id: UUID
    kind: TransactionKind
    lines: Sequence[Line]
    effective_at: datetime | None
    reason: str
    reference: str
    note: str
    reverses: UUID | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """What is in a place, in base units."""

    on_hand: Decimal
    held: Decimal

    @property
    def available(self) -> Decimal:
        """Return what is not held; the rule is the same everywhere."""
        return self.on_hand - self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A transaction that was posted; `levels` are the two sides of each line afterwards, None in a virtual place."""

    entry: Entry
    sequence: int
    recorded_at: datetime
    effective_at: datetime
    levels: Sequence[tuple[Level | None, Level | None]]

    @property
    def number(self) -> str:
        """Return the number that people read out."""
        return number_of(self.entry.kind, self.recorded_at, self.sequence)


def number_of(kind: TransactionKind, recorded_at: datetime, sequence: int) -> str:
    """Return a transaction's number, such as `TRF-2026-004711`; the sequence makes it unique."""
    return f"{PREFIXES[kind]}-{recorded_at.year}-{sequence:06d}"
