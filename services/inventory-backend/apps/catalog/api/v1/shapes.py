"""Wire shapes of version 1: what is sent."""

from datetime import date
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from apps.catalog.types import Tracking
from apps.common.api.fields import Code, ExternalRefs, Name, Note, Positive, Selector, Text
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


class NewItemUnit(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /items/{id}/units: one is `factor_num / factor_den` base units of the item."""

    unit: UnitSelector
    factor_num: Positive
    factor_den: Positive = 1


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
