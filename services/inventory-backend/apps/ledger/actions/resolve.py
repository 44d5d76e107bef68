"""From a draft to an entry: every selector resolved within the caller's scope, every quantity exact.

All problems of all drafts are found before any is told. The number of queries does not depend on the number of lines.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from apps.catalog import queries as catalog
from apps.catalog.types import ItemFact, Tracking, UnitFact, factor_of
from apps.common.errors import Problem
from apps.common.quantities import Inexact, scaled_by, text_of
from apps.common.selectors import Selectors
from apps.ledger.types import Draft, DraftLine, Entry, Kind, Line, Place, Status
from apps.locations import queries as locations
from apps.locations.types import LocationFact, LocationKind
from apps.parties import queries as parties
from apps.parties.models import Party
from rbac import Scope

# Where stock comes from and goes to, where a line does not say; None means that the line must say.
_ENDS: Final[dict[Kind, tuple[LocationKind | None, LocationKind | None]]] = {
    Kind.OPENING: (LocationKind.OPENING, None),
    Kind.RECEIPT: (LocationKind.SUPPLIER, None),
    Kind.SHIPMENT: (None, LocationKind.CUSTOMER),
    Kind.SCRAP: (None, LocationKind.SCRAP),
    Kind.CUSTOMER_RETURN: (LocationKind.CUSTOMER, None),
    Kind.SUPPLIER_RETURN: (None, LocationKind.SUPPLIER),
    Kind.TRANSFER: (None, None),
}
# These go either way: the side that the line leaves out is the virtual one.
_EITHER: Final = {Kind.ADJUSTMENT: LocationKind.ADJUSTMENT, Kind.PRODUCTION: LocationKind.PRODUCTION}


class Wrong(Exception):
    """One field of one line is wrong."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.field, self.code, self.detail = field, code, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Everything that the drafts name and that exists for the caller, by selector."""

    items: dict[str, ItemFact]
    locations: dict[str, LocationFact]
    units: dict[str, UnitFact]
    lots: dict[tuple[UUID, str], tuple[UUID, bool]]
    serials: dict[tuple[UUID, str], tuple[UUID, bool]]
    owners: dict[str, Party]


def resolve(drafts: Sequence[Draft], *, scope: Scope) -> list[Entry | list[Problem]]:
    """Return for each draft the entry it means, or everything that is wrong with it.

    Pointers are relative to the draft, such as `/lines/3/lot`. `scope` is where the caller may post.
    """
    lines = [line for draft in drafts for line in draft.lines]
    known = _look_up(lines, scope)
    return [_entry(draft, known, scope) for draft in drafts]


def prefixed(problems: Iterable[Problem], prefix: str) -> list[Problem]:
    """Return `problems` with their pointers made absolute."""
    return [Problem(pointer=prefix + p.pointer, code=p.code, detail=p.detail, meta=p.meta) for p in problems]


def _look_up(lines: Sequence[DraftLine], scope: Scope) -> _Known:
    asked_items = catalog.ask_items(_spelled({line.item for line in lines}, catalog.ITEM_SELECTORS))
    named = {place for line in lines for place in (line.from_location, line.to_location) if place}
    asked_locations = locations.ask_locations(_spelled(named, locations.SELECTORS), scope=scope)
    items = asked_items()
    owners = {owner for line in lines for owner in (line.owner, line.to_owner) if owner}
    of_item = [(line, items[line.item].id) for line in lines if line.item in items]
    return _Known(
        items=items,
        locations=asked_locations(),
        units=catalog.units_by_code({line.unit for line in lines if line.unit}),
        lots=catalog.find_lots({(item, line.lot) for line, item in of_item if line.lot}),
        serials=catalog.find_serials({(item, line.serial) for line, item in of_item if line.serial}),
        owners=parties.find_parties(_spelled(owners, parties.SELECTORS)) if owners else {},
    )


def _spelled(texts: set[str], selectors: Selectors) -> list[str]:
    """Return those texts that are selectors at all; the others are reported line by line."""
    return sorted(text for text in texts if selectors.understands(text))


def _entry(draft: Draft, known: _Known, scope: Scope) -> Entry | list[Problem]:
    if draft.kind is Kind.REVERSAL:
        detail = "A reversal names what it takes back: POST /api/v1/ledger/transactions/{id}/reverse."
        return [Problem(pointer="/kind", code="reversal_by_kind", detail=detail)]
    problems: list[Problem] = []
    lines = []
    for index, line in enumerate(draft.lines):
        try:
            lines.append(_line(draft.kind, line, known, scope))
        except Wrong as wrong:
            pointer = f"/lines/{index}/{wrong.field}"
            problems.append(Problem(pointer=pointer, code=wrong.code, detail=wrong.detail))
    if problems:
        return problems
    return Entry(
        id=uuid7(),
        kind=draft.kind,
        lines=lines,
        effective_at=draft.effective_at,
        reason=draft.reason,
        reference=draft.reference,
        note=draft.note,
    )


def _line(kind: Kind, line: DraftLine, known: _Known, scope: Scope) -> Line:
    item = _item(line, known)
    unit, factor, quantity = _quantity(line, item, known)
    source, target = _places(kind, line, known, scope)
    return Line(
        item_id=item.id,
        sku=item.sku,
        item_name=item.name,
        base_unit=item.base_unit.code,
        lot_id=_tracked(item, Tracking.LOT, line.lot, known.lots),
        lot=line.lot,
        serial_id=_serial(item, line, quantity, known),
        serial=line.serial,
        quantity=quantity,
        source=source,
        target=target,
        expected=line.expected,
        entered_quantity=line.quantity,
        unit_id=unit.id,
        unit=unit.code,
        factor_num=factor.numerator,
        factor_den=factor.denominator,
    )


def _item(line: DraftLine, known: _Known) -> ItemFact:
    item = known.items.get(line.item)
    if item is None:
        raise Wrong("item", "unknown_item", _not_found("item", line.item, catalog.ITEM_SELECTORS))
    if item.is_archived:
        raise Wrong("item", "archived", f"Item {item.sku} is archived. Restore it first.")
    return item


def _quantity(line: DraftLine, item: ItemFact, known: _Known) -> tuple[UnitFact, Fraction, Decimal]:
    """Return the unit, its size in base units, and the quantity in base units."""
    if line.quantity <= 0:
        raise Wrong("quantity", "not_positive", "Send a quantity above zero; the locations say the direction.")
    unit = item.base_unit if line.unit is None else known.units.get(line.unit)
    if unit is None:
        raise Wrong("unit", "unknown_unit", f"There is no unit {line.unit!r}. GET /api/v1/catalog/units lists them.")
    factor = factor_of(item, unit)
    if factor is None:
        raise Wrong("unit", "unit_not_convertible", f"{unit.code} cannot be converted to {item.base_unit.code}.")
    try:
        quantity = scaled_by(line.quantity, factor)
    except Inexact as error:
        text = f"{text_of(line.quantity)} {unit.code} is not a whole number of millionths of a {item.base_unit.code}."
        raise Wrong("quantity", "inexact_quantity", text + " Enter it in another unit.") from error
    if item.base_unit.is_whole and quantity != quantity.to_integral_value():
        text = f"{item.sku} is counted in whole {item.base_unit.code}; {text_of(quantity)} is not whole."
        raise Wrong("quantity", "not_whole", text)
    return unit, factor, quantity


def _tracked(
    item: ItemFact, tracking: Tracking, code: str | None, found: dict[tuple[UUID, str], tuple[UUID, bool]]
) -> UUID | None:
    """Return the lot or serial that the item's tracking asks for."""
    noun = tracking.value
    if item.tracking is not tracking:
        if code is not None:
            raise Wrong(noun, f"{noun}_not_tracked", f"{item.sku} is not tracked by {noun}. Leave {noun} out.")
        return None
    if code is None:
        raise Wrong(noun, f"{noun}_required", f"{item.sku} is tracked by {noun}. Name its {noun}.")
    id_, is_archived = found.get((item.id, code), (None, False))
    if id_ is None:
        text = f"{item.sku} has no {noun} {code!r}. Create it with POST /api/v1/catalog/{noun}s first."
        raise Wrong(noun, f"unknown_{noun}", text)
    if is_archived:
        raise Wrong(noun, "archived", f"The {noun} {code} is archived. Restore it first.")
    return id_


def _serial(item: ItemFact, line: DraftLine, quantity: Decimal, known: _Known) -> UUID | None:
    serial_id = _tracked(item, Tracking.SERIAL, line.serial, known.serials)
    if serial_id is not None and quantity != 1:
        raise Wrong("quantity", "serial_is_one_piece", f"A serial is one piece; {text_of(quantity)} is not.")
    return serial_id


def _places(kind: Kind, line: DraftLine, known: _Known, scope: Scope) -> tuple[Place, Place]:
    source, target = _ends(kind, line, known)
    to_status = line.to_status or line.status
    owner = _owner("owner", line.owner, known)
    to_owner = _owner("to_owner", line.to_owner, known) if line.to_owner else owner
    left, arrived = _place(source, line.status, owner), _place(target, to_status, to_owner)
    if left == arrived:
        raise Wrong("to_location", "same_place", "The stock is already there, in this status and of this owner.")
    if left.is_virtual and arrived.is_virtual and not scope.everywhere:
        raise Wrong("to_location", "unknown_location", "One side must be a location where you may post.")
    return left, arrived


def _ends(kind: Kind, line: DraftLine, known: _Known) -> tuple[LocationFact, LocationFact]:
    source = _location("from_location", line.from_location, known)
    target = _location("to_location", line.to_location, known)
    if kind in _EITHER:
        return _either(_EITHER[kind], source, target)
    if kind is Kind.RECLASSIFICATION:
        target = target or source
    from_kind, to_kind = _ENDS.get(kind, (None, None))
    return _end("from_location", from_kind, source), _end("to_location", to_kind, target)


def _end(field: str, virtual: LocationKind | None, given: LocationFact | None) -> LocationFact:
    if virtual is None:
        if given is None:
            raise Wrong(field, "required", f"{field} is required for this kind of transaction.")
        if given.is_virtual:
            raise Wrong(field, "location_kind", f"{given.code} is virtual; this side must be a real location.")
        return given
    if given is not None and given.kind is not virtual:
        raise Wrong(field, "location_kind", f"This side must be a {virtual} location. Leave {field} out for {virtual}.")
    return given or locations.virtual_locations()[virtual]


def _either(
    virtual: LocationKind, source: LocationFact | None, target: LocationFact | None
) -> tuple[LocationFact, LocationFact]:
    end = locations.virtual_locations()[virtual]
    source, target = source or end, target or end
    if (source.kind is virtual) == (target.kind is virtual) or (source.is_virtual and target.is_virtual):
        text = (
            f"Give a real location as to_location to add, or as from_location to remove; the other side is {virtual}."
        )
        raise Wrong("to_location", "location_kind", text)
    return source, target


def _location(field: str, selector: str | None, known: _Known) -> LocationFact | None:
    if selector is None:
        return None
    found = known.locations.get(selector)
    if found is None:
        raise Wrong(field, "unknown_location", _not_found("location where you may post", selector, locations.SELECTORS))
    if found.is_archived:
        raise Wrong(field, "archived", f"Location {found.code} is archived. Restore it first.")
    return found


def _owner(field: str, selector: str | None, known: _Known) -> Party | None:
    if selector is None:
        return None
    found = known.owners.get(selector)
    if found is None:
        raise Wrong(field, "unknown_owner", _not_found("party", selector, parties.SELECTORS))
    return found


def _place(location: LocationFact, status: Status, owner: Party | None) -> Place:
    return Place(
        location_id=location.id,
        location_code=location.code,
        location_name=location.name,
        is_virtual=location.is_virtual,
        status=status,
        owner_id=owner.pk if owner else None,
        owner_code=owner.code if owner else None,
    )


def _not_found(noun: str, selector: str, selectors: Selectors) -> str:
    if not selectors.understands(selector):
        return f"{selector[:80]!r} is no selector. Send {selectors.forms()}."
    return f"There is no {noun} {selector[:80]}."
