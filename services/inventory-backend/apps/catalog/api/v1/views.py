"""HTTP in, one action, HTTP out."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Final

from django.db.models import Q, QuerySet
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from apps.catalog import actions, permissions, queries
from apps.catalog.api.v1 import answers, shapes
from apps.catalog.models import Item, ItemUnit, Lot, Serial, Unit
from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.pages import Listing, Page, PageQuery, page_of
from apps.common.api.requests import origin_of, written
from apps.common.api.resources import Resource, columns_in, refs_in
from apps.common.api.shown import Expansion
from apps.common.errors import NotFound
from rbac.django.permissions import requires


def _unit(text: str, pointer: str) -> Unit:
    """Return the unit that a request names, by its bare code as well."""
    selector = text if queries.UNIT_SELECTORS.understands(text) else f"unit:{text}"
    return queries.UNIT_SELECTORS.one(queries.units(), selector, pointer=pointer)


def _item(selector: str, pointer: str = "#/item") -> Item:
    return queries.ITEM_SELECTORS.one(queries.items(), selector, pointer=pointer)


def _in_units(rows: QuerySet[Item], wanted: Sequence[str]) -> QuerySet[Item]:
    return rows.filter(base_unit__in=[_unit(text, "?base_unit") for text in wanted])


def _of_items[Row: (Lot, Serial)](rows: QuerySet[Row], wanted: Sequence[str]) -> QuerySet[Row]:
    return rows.filter(item__in=[_item(text, "?item") for text in wanted])


def _found(rows: QuerySet[Item], text: str) -> QuerySet[Item]:
    return rows.filter(Q(sku__icontains=text) | Q(name__icontains=text))


def _columns(body: Struct) -> dict[str, Any]:
    """Return the columns of a merge patch, with what it names looked up."""
    changes = columns_in(body)
    if "item" in changes:
        changes["item"] = _item(changes["item"])
    if "base_unit" in changes:
        changes["base_unit"] = _unit(changes["base_unit"], "#/base_unit")
    return changes


def _units_by_id(ids: Sequence[str]) -> Mapping[str, Struct]:
    return {shape.id: shape for shape in answers.unit_shapes(list(queries.units().filter(pk__in=ids)))}


def _items_by_id(ids: Sequence[str]) -> Mapping[str, Struct]:
    return {shape.id: shape for shape in answers.item_shapes(list(queries.items().filter(pk__in=ids)))}


_WITH_UNIT: Final = {"base_unit": Expansion(kind=answers.UnitShape, fetch=_units_by_id)}
_WITH_ITEM: Final = {"item": Expansion(kind=answers.ItemShape, fetch=_items_by_id, nested=_WITH_UNIT)}

UNITS: Final = Resource(
    noun="unit",
    plural="units",
    model=Unit,
    selectors=queries.UNIT_SELECTORS,
    listing=Listing(
        kind=answers.UnitShape, shape=answers.unit_shapes, sorts={"code": "code", "created_at": "id"}, default="code"
    ),
    query=shapes.UnitQuery,
    filters={"code": "code__in", "dimension": "dimension__in"},
    new=shapes.NewUnit,
    patch=shapes.UnitPatch,
    view=permissions.VIEW,
    edit=permissions.EDIT,
    rows=lambda _: queries.units(),
    create=lambda body, _, origin: actions.create_unit(
        code=body.code,
        name=body.name,
        dimension=body.dimension,
        factor=Fraction(body.factor_num, body.factor_den),
        is_whole=body.is_whole,
        origin=origin,
    ),
    change=lambda unit, body, _, origin: actions.change_unit(unit, changes=columns_in(body), origin=origin),
)

ITEMS: Final = Resource(
    noun="item",
    plural="items",
    model=Item,
    selectors=queries.ITEM_SELECTORS,
    listing=Listing(
        kind=answers.ItemShape,
        shape=answers.item_shapes,
        sorts={"sku": "sku", "name": "name", "created_at": "id"},
        default="sku",
        expansions=_WITH_UNIT,
    ),
    query=shapes.ItemQuery,
    filters={
        "sku": "sku__in",
        "name__icontains": "name__icontains",
        "tracking": "tracking__in",
        "q": _found,
        "base_unit": _in_units,
    },
    new=shapes.NewItem,
    patch=shapes.ItemPatch,
    view=permissions.VIEW,
    edit=permissions.EDIT,
    rows=lambda _: queries.items(),
    create=lambda body, _, origin: actions.create_item(
        sku=body.sku,
        name=body.name,
        base_unit=_unit(body.base_unit, "#/base_unit"),
        tracking=body.tracking,
        gtin=body.gtin,
        description=body.description,
        refs=refs_in(body),
        origin=origin,
    ),
    change=lambda item, body, _, origin: actions.change_item(
        item, changes=_columns(body), refs=refs_in(body), origin=origin
    ),
)

LOTS: Final = Resource(
    noun="lot",
    plural="lots",
    model=Lot,
    selectors=queries.LOT_SELECTORS,
    listing=Listing(
        kind=answers.LotShape,
        shape=answers.lot_shapes,
        sorts={"code": "code", "created_at": "id"},
        default="code",
        expansions=_WITH_ITEM,
    ),
    query=shapes.LotQuery,
    filters={
        "item": _of_items,
        "code": "code__in",
        "expiry_date__lt": "expiry_date__lt",
        "expiry_date__gte": "expiry_date__gte",
        "expiry_date__isnull": "expiry_date__isnull",
    },
    new=shapes.NewLot,
    patch=shapes.LotPatch,
    view=permissions.VIEW,
    edit=permissions.EDIT,
    rows=lambda _: queries.lots(),
    create=lambda body, _, origin: actions.create_lot(
        item=_item(body.item),
        code=body.code,
        manufactured_date=body.manufactured_date,
        expiry_date=body.expiry_date,
        origin=origin,
    ),
    change=lambda lot, body, _, origin: actions.change_lot(lot, changes=_columns(body), origin=origin),
)

SERIALS: Final = Resource(
    noun="serial",
    plural="serials",
    model=Serial,
    selectors=queries.SERIAL_SELECTORS,
    listing=Listing(
        kind=answers.SerialShape,
        shape=answers.serial_shapes,
        sorts={"code": "code", "created_at": "id"},
        default="code",
        expansions=_WITH_ITEM,
    ),
    query=shapes.SerialQuery,
    filters={"item": _of_items, "code": "code__in"},
    new=shapes.NewSerial,
    patch=shapes.SerialPatch,
    view=permissions.VIEW,
    edit=permissions.EDIT,
    rows=lambda _: queries.serials(),
    create=lambda body, _, origin: actions.create_serial(item=_item(body.item), code=body.code, origin=origin),
    change=lambda serial, body, _, origin: actions.change_serial(serial, changes=_columns(body), origin=origin),
)

_ITEM_UNITS: Final = Listing[ItemUnit, answers.ItemUnitShape](
    kind=answers.ItemUnitShape, shape=answers.item_unit_shapes, sorts={"created_at": "id"}, default="created_at"
)


class ItemUnits(Endpoint):
    """The units that one item alone has, such as its case."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="list_item_units",
            summary="List the units that an item alone has",
            query=PageQuery,
            listing=_ITEM_UNITS,
            returns={200: Page[answers.ItemUnitShape]},
        ),
        "POST": Operation(
            permission=requires(permissions.EDIT),
            name="add_item_unit",
            summary="Add a unit that an item alone has",
            body=shapes.NewItemUnit,
            returns={201: answers.ItemUnitShape},
            can_validate_only=True,
        ),
    }

    def get(self, request: Request, selector: str) -> Response:
        """List an item's own units."""
        query = parse_query(request, PageQuery)
        item = ITEMS.one(request, selector)
        return page_of(request, query, queries.item_units(item.pk), _ITEM_UNITS)

    def post(self, request: Request, selector: str) -> Response:
        """Add a unit of the item's own."""
        body = parse_body(request, shapes.NewItemUnit)
        return written(request, lambda: self._added(request, ITEMS.one(request, selector), body))

    def _added(self, request: Request, item: Item, body: shapes.NewItemUnit) -> Response:
        own = actions.add_item_unit(
            item,
            unit=_unit(body.unit, "#/unit"),
            factor=Fraction(body.factor_num, body.factor_den),
            origin=origin_of(request),
        )
        return Response(
            answers.item_unit_shapes([own])[0],
            status=201,
            headers={"Location": f"{request.path}/{own.unit.code}"},
        )


class ItemUnitMember(Endpoint):
    """One unit of one item."""

    operations: ClassVar = {
        "DELETE": Operation(
            permission=requires(permissions.EDIT),
            name="remove_item_unit",
            summary="Remove a unit that an item alone has",
            returns={204: None},
        )
    }

    def delete(self, request: Request, selector: str, code: str) -> Response:
        """Remove it; what was posted in it stays, in base units."""
        own = queries.item_units(ITEMS.one(request, selector).pk).filter(unit__code=code.replace("\0", "")).first()
        if own is None:
            raise NotFound
        actions.remove_item_unit(own, origin=origin_of(request))
        return Response(status=204)
