"""Correcting: nothing is changed, the opposite is posted."""

from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from apps.common.errors import Conflict, NotFound
from apps.ledger import queries
from apps.ledger.actions.post import post_entries
from apps.ledger.actions.refusals import AlreadyReversed
from apps.ledger.models import Posting, Transaction
from apps.ledger.types import Entry, Kind, Line, Place, Posted, Status
from audit import Origin
from rbac import Scope


class NotReversible(Conflict):
    """A reversal stands; post the original again instead."""

    code = "not_reversible"
    title = "Not reversible"


@transaction.atomic
def reverse_transaction(transaction_id: UUID, *, reason: str, scope: Scope, origin: Origin) -> Posted:
    """Post the opposite of a transaction, effective now, and return it.

    `scope` is where the caller may reverse: all of the transaction's locations must lie in it.

    Raises `NotFound`, `AlreadyReversed`, `NotReversible`, or `InsufficientStock` where the stock has moved on.
    """
    original = Transaction.objects.filter(pk=transaction_id).first()
    if original is None or not queries.is_within(original, scope):
        raise NotFound
    if original.kind == Kind.REVERSAL:
        raise NotReversible("This is a reversal itself. Post what it took back as a new transaction.")
    if Transaction.objects.filter(reverses=original).exists():
        raise AlreadyReversed("This transaction was reversed already.")
    entry = Entry(
        id=uuid7(),
        kind=Kind.REVERSAL,
        lines=_opposite(original),
        effective_at=None,
        reason=reason,
        reference=original.reference,
        note="",
        reverses=original.pk,
    )
    return post_entries([entry], origin=origin, pointers=["#"])[0]


def _opposite(original: Transaction) -> list[Line]:
    legs = list(
        Posting.objects.filter(transaction=original)
        .select_related("item__base_unit", "location", "lot", "serial", "owner", "entered_unit")
        .order_by("line")
    )
    return [_line(left, arrived) for left, arrived in zip(legs[::2], legs[1::2], strict=True)]


def _line(left: Posting, arrived: Posting) -> Line:
    return Line(
        item_id=left.item_id,
        sku=left.item.sku,
        item_name=left.item.name,
        base_unit=left.item.base_unit.code,
        lot_id=left.lot_id,
        lot=left.lot.code if left.lot else None,
        serial_id=left.serial_id,
        serial=left.serial.code if left.serial else None,
        quantity=arrived.quantity,
        source=_place(arrived),
        target=_place(left),
        expected=None,
        entered_quantity=arrived.entered_quantity,
        unit_id=left.entered_unit_id,
        unit=left.entered_unit.code,
        factor_num=left.factor_num,
        factor_den=left.factor_den,
    )


def _place(leg: Posting) -> Place:
    return Place(
        location_id=leg.location_id,
        location_code=leg.location.code,
        location_name=leg.location.name,
        is_virtual=leg.balance_id is None,
        status=Status(leg.status),
        owner_id=leg.owner_id,
        owner_code=leg.owner.code if leg.owner else None,
    )
