"""Reads that others may rely on; the look-ups of the ledger's hot path are written by hand."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.catalog.models import Item, ItemUnit, Lot, Serial, Unit
from apps.catalog.types import ItemFact, Tracking, UnitFact
from apps.common.db import asked, rows
from apps.common.selectors import Selectors

ITEM_SELECTORS = Selectors(noun="item", codes={"sku": "sku", "gtin": "gtin"}, has_refs=True, widths={"gtin": 14})
UNIT_SELECTORS = Selectors(noun="unit", codes={"unit": "code"})
LOT_SELECTORS = Selectors(noun="lot", codes={})
SERIAL_SELECTORS = Selectors(noun="serial", codes={})

_ITEMS = """
SELECT {name}, i.id, i.sku, i.name, i.tracking, i.archived_at IS NOT NULL,
    u.id, u.code, u.dimension, u.factor_num, u.factor_den, u.is_whole,
    (SELECT json_agg(json_build_array(o.code, w.num, w.den))
        FROM catalog_item_unit w JOIN catalog_unit o ON o.id = w.unit_id WHERE w.item_id = i.id)
FROM catalog_item i JOIN catalog_unit u ON u.id = i.base_unit_id {join}
WHERE {name} = ANY(%s)
"""
_ITEM_NAMES = {
    "id": ("i.id::text", ""),
    "sku": ("i.sku", ""),
    "gtin": ("i.gtin", ""),
    "ext": ("r.system || ':' || r.value", "JOIN catalog_item_ref r ON r.item_id = i.id"),
}


def items() -> QuerySet[Item]:
    """Return every item with its unit and its names elsewhere."""
    return Item.objects.select_related("base_unit").prefetch_related("refs")


def units() -> QuerySet[Unit]:
    """Return every unit."""
    return Unit.objects.all()


def item_units(item_id: UUID) -> QuerySet[ItemUnit]:
    """Return the units of one item alone."""
    return ItemUnit.objects.filter(item_id=item_id).select_related("unit").order_by("unit__code")


def lots() -> QuerySet[Lot]:
    """Return every lot with its item."""
    return Lot.objects.select_related("item")


def serials() -> QuerySet[Serial]:
    """Return every serial number with its item."""
    return Serial.objects.select_related("item")


def find_items(selectors: Iterable[str]) -> dict[str, ItemFact]:
    """Return the items that are named, by selector, with one query for each kind of selector; others are left out.

    Raises `Invalid` for a text that is no selector.
    """
    return ask_items(selectors)()


def ask_items(selectors: Iterable[str]) -> Callable[[], dict[str, ItemFact]]:
    """Send the queries of `find_items`; the result waits for their answers."""
    sought = [
        (values, asked(_ITEMS.format(name=name, join=join), [list(values)]))
        for column, values in ITEM_SELECTORS.grouped(selectors).items()
        for name, join in [_ITEM_NAMES[column]]
    ]
    return lambda: {values[key]: _item_fact(*facts) for values, found in sought for key, *facts in found()}


def _item_fact(*facts: Any) -> ItemFact:
    id_, sku, name, tracking, is_archived, *unit, own = facts
    return ItemFact(
        id=id_,
        sku=sku,
        name=name,
        tracking=Tracking(tracking),
        base_unit=_unit_fact(*unit),
        own_factors={code: Fraction(num, den) for code, num, den in own or ()},
        is_archived=is_archived,
    )


def _unit_fact(*facts: Any) -> UnitFact:
    id_, code, dimension, num, den, is_whole = facts
    return UnitFact(id=id_, code=code, dimension=dimension, factor=Fraction(num, den), is_whole=is_whole)


def units_by_code(codes: Iterable[str]) -> dict[str, UnitFact]:
    """Return the units of these codes, with one query."""
    wanted = list(codes)
    if not wanted:
        return {}
    sql = "SELECT id, code, dimension, factor_num, factor_den, is_whole FROM catalog_unit WHERE code = ANY(%s)"
    return {facts[1]: _unit_fact(*facts) for facts in rows(sql, [wanted])}


def find_lots(pairs: Iterable[tuple[UUID, str]]) -> dict[tuple[UUID, str], tuple[UUID, bool]]:
    """Return id and whether it is archived, by (item id, lot code), with one query."""
    return _by_item_and_code("catalog_lot", pairs)


def find_serials(pairs: Iterable[tuple[UUID, str]]) -> dict[tuple[UUID, str], tuple[UUID, bool]]:
    """Return id and whether it is archived, by (item id, serial code), with one query."""
    return _by_item_and_code("catalog_serial", pairs)


def _by_item_and_code(table: str, pairs: Iterable[tuple[UUID, str]]) -> dict[tuple[UUID, str], tuple[UUID, bool]]:
    wanted = list(pairs)
    if not wanted:
        return {}
    sql = (
        f"SELECT item_id, code, id, archived_at IS NOT NULL FROM {table} "  # noqa: S608  (one of two constants)  # nosec B608
        "JOIN unnest(%s::uuid[], %s::text[]) AS wanted (item, name) ON item_id = item AND code = name"
    )
    found = rows(sql, [[item for item, _ in wanted], [code for _, code in wanted]])
    return {(item, code): (id_, is_archived) for item, code, id_, is_archived in found}
