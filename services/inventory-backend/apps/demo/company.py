"""Writing the demo's reference data: a few statements for all of it, with one audit event for each row.

The actions make one thing at a time, for people; a thousand of them would take as long as the whole seed may.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from string import ascii_uppercase

from apps.catalog.models import Item, ItemUnit, Lot, Serial, Unit
from apps.catalog.types import Tracking
from apps.common.models import Entity
from apps.demo.catalogue import PACKAGES, Product
from apps.locations.models import Location, LocationClosure
from apps.locations.types import LocationKind as Kind
from audit import Event, Origin
from audit.django import actions as trail

SITES = {"LEJ": "Leipzig", "HAM": "Hamburg"}
_ZONES = {"A": "Ambient", "C": "Cool"}
_AISLES, _RACKS, _BINS = 3, 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A lot or a serial number that the demo's history needs; the dates are a lot's."""

    sku: str
    code: str
    made: date | None = None
    expires: date | None = None


def bins(site: str) -> list[str]:
    """Return the codes of a warehouse's bins; they are five levels deep: warehouse, zone, aisle, rack, bin."""
    return [location.code for location in _tree(site) if location.kind == Kind.BIN]


def create_places(origin: Origin) -> None:
    """Create both warehouses with everything in them."""
    places = [location for site in SITES for location in _tree(site)]
    Location.objects.bulk_create(places)
    LocationClosure.objects.bulk_create(pair for place in places for pair in _closure(place))
    _record("location.created", "location", places, origin)


def create_items(products: Sequence[Product], origin: Origin) -> None:
    """Create the items, with the units that they alone are packed in."""
    packages = [Unit(code=code, name=name, dimension="package") for code, name in PACKAGES.items()]
    Unit.objects.bulk_create(packages)
    units = {unit.code: unit for unit in Unit.objects.all()}
    items = [
        Item(
            sku=product.sku,
            name=product.name,
            tracking=product.tracking,
            base_unit=units[product.unit],
            gtin=_gtin(number),
            description=f"From {product.supplier}.",
        )
        for number, product in enumerate(products, 1)
    ]
    Item.objects.bulk_create(items)
    ItemUnit.objects.bulk_create(
        ItemUnit(item=item, unit=units[product.pack[0]], num=int(product.pack[1]))
        for item, product in zip(items, products, strict=True)
        if product.pack
    )
    _record("unit.created", "unit", packages, origin)
    _record("item.created", "item", items, origin)


def create_batches(batches: Iterable[Batch], origin: Origin) -> None:
    """Create the lots and serial numbers, each according to its item's tracking."""
    items = {item.sku: item for item in Item.objects.all()}
    lots, serials = [], []
    for batch in batches:
        item = items[batch.sku]
        if item.tracking == Tracking.LOT:
            lots.append(Lot(item=item, code=batch.code, manufactured_date=batch.made, expiry_date=batch.expires))
        else:
            serials.append(Serial(item=item, code=batch.code))
    Lot.objects.bulk_create(lots)
    Serial.objects.bulk_create(serials)
    _record("lot.created", "lot", lots, origin)
    _record("serial.created", "serial", serials, origin)


def _tree(site: str) -> Iterator[Location]:
    """Yield a warehouse's locations, parents first."""
    root = Location(code=site, name=f"Warehouse {SITES[site]}", kind=Kind.WAREHOUSE)
    yield root
    yield Location(code=f"{site}-DOCK", name="Receiving dock", kind=Kind.DOCK, parent=root)
    for letter, name in _ZONES.items():
        zone = Location(code=f"{site}-{letter}", name=f"{name} zone", kind=Kind.ZONE, parent=root)
        yield zone
        for number in range(1, _AISLES + 1):
            aisle = Location(code=f"{zone.code}{number}", name=f"Aisle {number}", kind=Kind.AISLE, parent=zone)
            yield aisle
            for letter_of_rack in ascii_uppercase[:_RACKS]:
                code = f"{aisle.code}-{letter_of_rack}"
                rack = Location(code=code, name=f"Rack {letter_of_rack}", kind=Kind.RACK, parent=aisle)
                yield rack
                for level in range(1, _BINS + 1):
                    yield Location(code=f"{code}{level}", name=f"Bin {level}", kind=Kind.BIN, parent=rack)


def _closure(place: Location) -> Iterator[LocationClosure]:
    above: Location | None = place
    depth = 0
    while above is not None:
        yield LocationClosure(ancestor=above, descendant=place, depth=depth)
        above, depth = above.parent, depth + 1


def _gtin(number: int) -> str:
    """Return a GTIN-14 of the range for use within a company (GS1 prefix 02), with its check digit."""
    body = f"002{number:010}"
    digits = [int(digit) for digit in body]
    return f"{body}{-(3 * sum(digits[0::2]) + sum(digits[1::2])) % 10}"


def _record(action: str, noun: str, rows: Sequence[Entity], origin: Origin) -> None:
    events = [Event(action=action, object_type=noun, object_id=str(row.pk)) for row in rows]
    trail.record_many(events, origin=origin)
