"""Values that cross this domain's border."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from uuid import UUID


class Tracking(StrEnum):
    """How exactly an item's stock is told apart."""

    NONE = "none"
    LOT = "lot"
    SERIAL = "serial"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFact:
    """A unit; `factor` is its size in the reference unit of its dimension."""

    id: UUID
    code: str
    dimension: str
    factor: Fraction
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFact:
    """What the ledger needs to know of an item.

    `own_factors` maps the code of a unit of this item alone (its case, its pallet) to its size in the base unit.
    """

    id: UUID
    sku: str
    name: str
    tracking: Tracking
    base_unit: UnitFact
    own_factors: Mapping[str, Fraction]
    is_archived: bool


def factor_of(item: ItemFact, unit: UnitFact) -> Fraction | None:
    """Return how many base units of `item` one `unit` is, exactly; None where the two cannot be converted."""
    base = item.base_unit
    if unit.code == base.code:
        return Fraction(1)
    if unit.code in item.own_factors:
        return item.own_factors[unit.code]
    return unit.factor / base.factor if unit.dimension == base.dimension else None
