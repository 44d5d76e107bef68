"""Writes, and the rules of items, units, lots and serials."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Final

from django.db import IntegrityError, transaction

from apps.catalog.models import Item, ItemUnit, Lot, Serial, Unit
from apps.catalog.types import Tracking
from apps.common import records
from apps.common.errors import Conflict, Duplicate, Invalid
from audit import Event, Origin
from audit.django import actions as trail

_GTIN_LENGTHS: Final = (8, 12, 13, 14)
_LONGEST_GTIN: Final = 14


class NotTracked(Conflict):
    """The item's stock is not told apart in this way."""

    code = "not_tracked"
    title = "The item is not tracked this way"


def create_unit(*, code: str, name: str, dimension: str, factor: Fraction, is_whole: bool, origin: Origin) -> Unit:
    """Create a unit that is `factor` reference units of its dimension; raises `Duplicate` where the code is taken."""
    unit = Unit(
        code=code,
        name=name,
        dimension=dimension,
        factor_num=factor.numerator,
        factor_den=factor.denominator,
        is_whole=is_whole,
    )
    return records.create(unit, noun="unit", origin=origin)


def change_unit(unit: Unit, *, changes: Mapping[str, object], origin: Origin) -> Unit:
    """Change a unit's names; raises `ImmutableField` for what quantities are converted by."""
    kept = records.without_fixed(unit, changes, ("dimension", "factor_num", "factor_den", "is_whole"))
    return records.change(unit, kept, noun="unit", origin=origin)


def create_item(  # noqa: PLR0913  (the columns of an item)
    *,
    sku: str,
    name: str,
    base_unit: Unit,
    origin: Origin,
    tracking: Tracking = Tracking.NONE,
    gtin: str | None = None,
    description: str = "",
    refs: Mapping[str, str] | None = None,
) -> Item:
    """Create an item.

    Raises `Invalid` for a wrong GTIN and for serial numbers of what is not counted in whole units, `Archived` for an
    archived unit, and `Duplicate` where the SKU, the GTIN or a reference is taken.
    """
    if base_unit.archived_at:
        raise records.Archived(f"The unit {base_unit.code} is archived. Restore it or take another.")
    if tracking == Tracking.SERIAL and not base_unit.is_whole:
        raise Invalid.at(
            "#/base_unit", "not_whole", "Serial numbers belong to whole pieces: take a whole unit such as ea."
        )
    item = Item(
        sku=sku,
        name=name,
        description=description,
        gtin=None if gtin is None else checked_gtin(gtin),
        tracking=tracking,
        base_unit=base_unit,
    )
    return records.create(item, noun="item", origin=origin, refs=refs)


def change_item(item: Item, *, changes: Mapping[str, object], refs: Mapping[str, str] | None, origin: Origin) -> Item:
    """Change an item; raises `ImmutableField` for what its stock is counted by, and as `create_item` does."""
    kept = records.without_fixed(item, changes, ("tracking", "base_unit"))
    if isinstance(gtin := kept.get("gtin"), str):
        kept["gtin"] = checked_gtin(gtin)
    return records.change(item, kept, noun="item", origin=origin, refs=refs)


def checked_gtin(text: str) -> str:
    """Return a GTIN with 14 digits (GS1 General Specifications, 7.9: weights 3 and 1 from the right, modulo 10).

    Raises `Invalid` for another length or a wrong check digit.
    """
    if len(text) not in _GTIN_LENGTHS or not (text.isascii() and text.isdigit()):
        raise Invalid.at("#/gtin", "invalid_gtin", "Send the 8, 12, 13 or 14 digits of the GTIN.")
    digits = [int(digit) for digit in text.zfill(_LONGEST_GTIN)]
    expected = -(3 * sum(digits[0:13:2]) + sum(digits[1:13:2])) % 10
    if digits[-1] != expected:
        raise Invalid.at(
            "#/gtin", "invalid_gtin", f"The check digit should be {expected}, not {digits[-1]}. Scan it again."
        )
    return text.zfill(_LONGEST_GTIN)


@transaction.atomic
def add_item_unit(item: Item, *, unit: Unit, factor: Fraction, origin: Origin) -> ItemUnit:
    """Say that for this item alone one `unit`, such as its case, is `factor` base units.

    Raises `Conflict` for the base unit itself, `Archived`, and `Duplicate` where the item has the unit already.
    """
    if unit.pk == item.base_unit_id:
        raise Conflict(f"{unit.code} is the base unit of {item.sku}: one is one.")
    if unit.archived_at or item.archived_at:
        raise records.Archived("The unit or the item is archived. Restore it first.")
    try:
        with transaction.atomic():
            own = ItemUnit.objects.create(item=item, unit=unit, num=factor.numerator, den=factor.denominator)
    except IntegrityError as error:
        raise Duplicate(f"{item.sku} has the unit {unit.code} already. Delete it first.") from error
    _record_unit("item.unit_added", own, origin)
    return own


@transaction.atomic
def remove_item_unit(own: ItemUnit, *, origin: Origin) -> None:
    """Take a unit of its own from an item; what was posted in it stays, in base units."""
    _record_unit("item.unit_removed", own, origin)
    own.delete()


def create_lot(
    *, item: Item, code: str, origin: Origin, manufactured_date: date | None = None, expiry_date: date | None = None
) -> Lot:
    """Create a lot of a lot-tracked item.

    Raises `NotTracked`, `Archived`, `Invalid` where it expires before it is made, and `Duplicate`.
    """
    _require_tracking(item, Tracking.LOT)
    _require_order(manufactured_date, expiry_date)
    lot = Lot(item=item, code=code, manufactured_date=manufactured_date, expiry_date=expiry_date)
    return records.create(lot, noun="lot", origin=origin)


def change_lot(lot: Lot, *, changes: Mapping[str, object], origin: Origin) -> Lot:
    """Change a lot's code or dates; raises `ImmutableField`, `Invalid` or `Duplicate`."""
    kept = records.without_fixed(lot, changes, ("item",))
    made, expires = (kept.get(name, getattr(lot, name)) for name in ("manufactured_date", "expiry_date"))
    _require_order(made, expires)
    return records.change(lot, kept, noun="lot", origin=origin)


def create_serial(*, item: Item, code: str, origin: Origin) -> Serial:
    """Create a serial number of a serial-tracked item; raises `NotTracked`, `Archived` or `Duplicate`."""
    _require_tracking(item, Tracking.SERIAL)
    return records.create(Serial(item=item, code=code), noun="serial", origin=origin)


def change_serial(serial: Serial, *, changes: Mapping[str, object], origin: Origin) -> Serial:
    """Correct a serial number; raises `ImmutableField` or `Duplicate`."""
    kept = records.without_fixed(serial, changes, ("item",))
    return records.change(serial, kept, noun="serial", origin=origin)


def _require_tracking(item: Item, tracking: Tracking) -> None:
    if item.archived_at:
        raise records.Archived(f"The item {item.sku} is archived. Restore it first.")
    if item.tracking != tracking:
        raise NotTracked(f"{item.sku} is tracked by {item.tracking!s}, not by {tracking!s}.")


def _require_order(made: object, expires: object) -> None:
    if isinstance(made, date) and isinstance(expires, date) and expires < made:
        raise Invalid.at(
            "#/expiry_date", "expires_before_made", f"It was made on {made} and cannot expire on {expires}."
        )


def _record_unit(action: str, own: ItemUnit, origin: Origin) -> None:
    facts = {"unit": own.unit.code, "num": own.num, "den": own.den}
    trail.record(Event(action=action, object_type="item", object_id=str(own.item_id), after=facts), origin=origin)
