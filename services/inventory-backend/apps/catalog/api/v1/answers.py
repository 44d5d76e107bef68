"""Wire shapes of version 1: what is answered."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from apps.catalog.models import Item, ItemUnit, Lot, Serial, Unit
from apps.catalog.types import Tracking
from apps.common.api.fields import ExternalRefShape, IdOut, InstantOut, Stub, instant, instant_or_none


class UnitShape(Struct, frozen=True, kw_only=True):
    """A unit of measure."""

    id: IdOut
    code: str
    name: str
    dimension: str
    factor_num: int
    factor_den: int
    is_whole: bool
    version: int
    created_at: InstantOut
    updated_at: InstantOut
    archived_at: InstantOut | None


class ItemShape(Struct, frozen=True, kw_only=True):
    """An item."""

    id: IdOut
    sku: str
    name: str
    description: str
    gtin: str | None
    tracking: Tracking
    base_unit: Stub
    external_refs: list[ExternalRefShape]
    version: int
    created_at: InstantOut
    updated_at: InstantOut
    archived_at: InstantOut | None


class ItemUnitShape(Struct, frozen=True, kw_only=True):
    """A unit of one item alone."""

    unit: Stub
    factor_num: int
    factor_den: int


class LotShape(Struct, frozen=True, kw_only=True):
    """A lot."""

    id: IdOut
    item: Stub
    code: str
    manufactured_date: date | None
    expiry_date: date | None
    version: int
    created_at: InstantOut
    updated_at: InstantOut
    archived_at: InstantOut | None


class SerialShape(Struct, frozen=True, kw_only=True):
    """A serial number."""

    id: IdOut
    item: Stub
    code: str
    version: int
    created_at: InstantOut
    updated_at: InstantOut
    archived_at: InstantOut | None


def unit_shapes(units: Sequence[Unit]) -> list[UnitShape]:
    """Return units as the API shows them."""
    return [
        UnitShape(
            id=str(unit.pk),
            code=unit.code,
            name=unit.name,
            dimension=unit.dimension,
            factor_num=unit.factor_num,
            factor_den=unit.factor_den,
            is_whole=unit.is_whole,
            version=unit.version,
            created_at=instant(unit.created_at),
            updated_at=instant(unit.updated_at),
            archived_at=instant_or_none(unit.archived_at),
        )
        for unit in units
    ]


def item_shapes(items: Sequence[Item]) -> list[ItemShape]:
    """Return items as the API shows them."""
    return [
        ItemShape(
            id=str(item.pk),
            sku=item.sku,
            name=item.name,
            description=item.description,
            gtin=item.gtin,
            tracking=Tracking(item.tracking),
            base_unit=_unit_stub(item.base_unit),
            external_refs=[ExternalRefShape(system=ref.system, id=ref.value) for ref in item.refs.all()],
            version=item.version,
            created_at=instant(item.created_at),
            updated_at=instant(item.updated_at),
            archived_at=instant_or_none(item.archived_at),
        )
        for item in items
    ]


def item_unit_shapes(units: Sequence[ItemUnit]) -> list[ItemUnitShape]:
    """Return the units of an item as the API shows them."""
    return [ItemUnitShape(unit=_unit_stub(own.unit), factor_num=own.num, factor_den=own.den) for own in units]


def lot_shapes(lots: Sequence[Lot]) -> list[LotShape]:
    """Return lots as the API shows them."""
    return [
        LotShape(
            id=str(lot.pk),
            item=_item_stub(lot.item),
            code=lot.code,
            manufactured_date=lot.manufactured_date,
            expiry_date=lot.expiry_date,
            version=lot.version,
            created_at=instant(lot.created_at),
            updated_at=instant(lot.updated_at),
            archived_at=instant_or_none(lot.archived_at),
        )
        for lot in lots
    ]


def serial_shapes(serials: Sequence[Serial]) -> list[SerialShape]:
    """Return serial numbers as the API shows them."""
    return [
        SerialShape(
            id=str(serial.pk),
            item=_item_stub(serial.item),
            code=serial.code,
            version=serial.version,
            created_at=instant(serial.created_at),
            updated_at=instant(serial.updated_at),
            archived_at=instant_or_none(serial.archived_at),
        )
        for serial in serials
    ]


def _unit_stub(unit: Unit) -> Stub:
    return Stub(id=str(unit.pk), code=unit.code, name=unit.name)


def _item_stub(item: Item) -> Stub:
    return Stub(id=str(item.pk), code=item.sku, name=item.name)
