"""Values that cross this domain's border."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID


class Kind(StrEnum):
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


VIRTUAL: Final = (Kind.SUPPLIER, Kind.CUSTOMER, Kind.ADJUSTMENT, Kind.SCRAP, Kind.PRODUCTION, Kind.OPENING)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationFact:
    """What the ledger needs to know of a location."""

    id: UUID
    code: str
    name: str
    kind: Kind
    is_virtual: bool
    is_archived: bool
