"""Wire shapes of version 1: what is sent."""

from decimal import Decimal
from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from apps.common.api.fields import Code, Instant, Note, PositiveQuantity, Quantity, Selector, Text, given
from apps.ledger.types import Draft, DraftLine, ErrorPolicy, Kind, Status

# Inside the ledger there is one kind; from outside, a reversal is made by reversing a transaction.
_OwnKind = Annotated[Kind, Meta(extra_json_schema={"enum": [kind.value for kind in Kind if kind is not Kind.REVERSAL]})]


class NewLine(Struct, kw_only=True, forbid_unknown_fields=True):
    """A movement: so much of an item, from one place to another.

    A side that is left out is the virtual place that the transaction's kind implies.
    """

    item: Selector
    quantity: PositiveQuantity
    from_location: Selector | UnsetType = UNSET
    to_location: Selector | UnsetType = UNSET
    unit: Code | UnsetType = UNSET
    lot: Code | UnsetType = UNSET
    serial: Code | UnsetType = UNSET
    status: Status = Status.AVAILABLE
    to_status: Status | UnsetType = UNSET
    owner: Selector | UnsetType = UNSET
    to_owner: Selector | UnsetType = UNSET
    expected_quantity: Quantity | UnsetType = UNSET

    def draft(self) -> DraftLine:
        """Return the line as the ledger takes it."""
        expected = self.expected_quantity
        return DraftLine(
            item=self.item,
            quantity=Decimal(self.quantity),
            from_location=given(self.from_location, None),
            to_location=given(self.to_location, None),
            unit=given(self.unit, None),
            lot=given(self.lot, None),
            serial=given(self.serial, None),
            status=self.status,
            to_status=given(self.to_status, None),
            owner=given(self.owner, None),
            to_owner=given(self.to_owner, None),
            expected=None if isinstance(expected, UnsetType) else Decimal(expected),
        )


class NewTransaction(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /transactions."""

    kind: _OwnKind
    lines: Annotated[list[NewLine], Meta(min_length=1, max_length=10_000)]
    effective_at: Instant | UnsetType = UNSET
    reason: Text = ""
    reference: Text = ""
    note: Note = ""

    def draft(self) -> Draft:
        """Return the transaction as the ledger takes it."""
        return Draft(
            kind=self.kind,
            lines=[line.draft() for line in self.lines],
            effective_at=given(self.effective_at, None),
            reason=self.reason,
            reference=self.reference,
            note=self.note,
        )


RECEIPT: Final = NewTransaction(
    kind=Kind.RECEIPT,
    reference="PO-771",
    lines=[NewLine(item="sku:BOLT", quantity="12", to_location="loc:A1")],
)


class NewBatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /transactions/batch."""

    items: Annotated[list[NewTransaction], Meta(min_length=1, max_length=1_000)]
    error_policy: ErrorPolicy = ErrorPolicy.REJECT_ALL


class Reversal(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /transactions/{id}/reverse."""

    reason: Annotated[Text, Meta(min_length=1)]


class NewPeriod(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /periods: nothing becomes effective at or before `closed_until` any more."""

    closed_until: Instant
    reason: Text = ""
