"""Values that cross this domain's border."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID


class LocationKind(StrEnum):
    """What a location is; the virtual ones keep the ledger in balance and hold no stock of ours."""

    WAREHOUSE = "warehouse"
    ZONE = "zone"
    AISLE = "aisle"
    RACK = "rack"
    BIN = "bin"
    DOCK = "dock"
    STAGING = "staging"
    TRANSIT = "transit"
    SUPPLIER = "supplier"
    CUSTOMER = "customer"
    ADJUSTMENT = "adjustment"
    SCRAP = "scrap"
    PRODUCTION = "production"
    OPENING = "opening"


VIRTUAL: Final = (
    LocationKind.SUPPLIER,
    LocationKind.CUSTOMER,
    LocationKind.ADJUSTMENT,
    LocationKind.SCRAP,
    LocationKind.PRODUCTION,
    LocationKind.OPENING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationFact:
    """What the ledger needs to know of a location."""

    id: UUID
    code: str
    name: str
    kind: LocationKind
    is_virtual: bool
    is_archived: bool
