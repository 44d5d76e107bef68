"""Wire shapes of version 1."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from apps.catalog.models import Item, ItemUnit, Lot, Serial, Unit
from apps.catalog.types import Tracking
from apps.common.api.fields import (
    Code,
    ExternalRefs,
    ExternalRefShape,
    IdOut,
    InstantOut,
    Name,
    Note,
    Positive,
    Selector,
    Stub,
    Text,
    instant,
    instant_or_none,
)
from apps.common.api.resources import EntityQuery

_HINT = {"hint": "the 8, 12, 13 or 14 digits of the GTIN"}
Gtin = Annotated[str, Meta(pattern=r"^(?:[0-9]{8}|[0-9]{12,14})$(?!\n)", extra=_HINT)]
UnitSelector = Annotated[Selector, Meta(description="A unit's code such as `kg`, its id, or `unit:` and its code.")]


class NewUnit(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /units: one is `factor_num / factor_den` reference units of its dimension."""

    code: Code
    name: Name
    dimension: Code
    factor_num: Positive = 1
    factor_den: Positive = 1
    is_whole: bool = False


class UnitPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PATCH /units/{id}; what quantities are converted by is fixed."""

    code: Code | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    dimension: Code | UnsetType = UNSET
    factor_num: Positive | UnsetType = UNSET
    factor_den: Positive | UnsetType = UNSET
    is_whole: bool | UnsetType = UNSET


class UnitQuery(EntityQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /units."""

    code: list[Text] | UnsetType = UNSET
    dimension: list[Text] | UnsetType = UNSET


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


class NewItem(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /items."""

    sku: Code
    name: Name
    base_unit: UnitSelector
    description: Note = ""
    gtin: Gtin | None = None
    tracking: Tracking = Tracking.NONE
    external_refs: ExternalRefs = []


class ItemPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PATCH /items/{id}; base unit and tracking are fixed."""

    sku: Code | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    base_unit: UnitSelector | UnsetType = UNSET
    description: Note | UnsetType = UNSET
    gtin: Gtin | UnsetType | None = UNSET
    tracking: Tracking | UnsetType = UNSET
    external_refs: ExternalRefs | UnsetType = UNSET


class ItemQuery(EntityQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /items; `q` looks in SKU and name."""

    sku: list[Text] | UnsetType = UNSET
    name__icontains: Text | UnsetType = UNSET
    q: Text | UnsetType = UNSET
    tracking: list[Tracking] | UnsetType = UNSET
    base_unit: list[UnitSelector] | UnsetType = UNSET


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


class NewItemUnit(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /items/{id}/units: one is `factor_num / factor_den` base units of the item."""

    unit: UnitSelector
    factor_num: Positive
    factor_den: Positive = 1


class ItemUnitShape(Struct, frozen=True, kw_only=True):
    """A unit of one item alone."""

    unit: Stub
    factor_num: int
    factor_den: int


class NewLot(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /lots."""

    item: Selector
    code: Code
    manufactured_date: date | None = None
    expiry_date: date | None = None


class LotPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PATCH /lots/{id}."""

    item: Selector | UnsetType = UNSET
    code: Code | UnsetType = UNSET
    manufactured_date: date | UnsetType | None = UNSET
    expiry_date: date | UnsetType | None = UNSET


class LotQuery(EntityQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /lots."""

    item: list[Selector] | UnsetType = UNSET
    code: list[Text] | UnsetType = UNSET
    expiry_date__lt: date | UnsetType = UNSET
    expiry_date__gte: date | UnsetType = UNSET
    expiry_date__isnull: bool | UnsetType = UNSET


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


class NewSerial(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /serials."""

    item: Selector
    code: Code


class SerialPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PATCH /serials/{id}."""

    item: Selector | UnsetType = UNSET
    code: Code | UnsetType = UNSET


class SerialQuery(EntityQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /serials."""

    item: list[Selector] | UnsetType = UNSET
    code: list[Text] | UnsetType = UNSET


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
