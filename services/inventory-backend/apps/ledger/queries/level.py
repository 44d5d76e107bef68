"""Sums of balances, within the caller's locations (I20)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from apps.common.db import rows
from apps.ledger import permissions
from apps.ledger.queries.past import PointInTime
from rbac import Grants
from rbac.django.queries import location_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRow:
    """A sum of balances: of one item, location, lot or status, in one unit."""

    key: str
    code: str
    name: str
    unit: str
    on_hand: Decimal
    held: Decimal


_LEVEL_KEYS = {
    "item": ("i.id::text", "i.sku", "i.name", ""),
    "location": ("l.id::text", "l.code", "l.name", "JOIN locations_location l ON l.id = b.location_id"),
    "lot": ("o.id::text", "o.code", "i.name", "JOIN catalog_lot o ON o.id = b.lot_id"),
    "status": ("b.status", "b.status", "b.status", ""),
}
# What is there now, and what came later taken off it, are added up side by side: postings carry the dimensions of
# their balance. Joined by balance instead, a planner that expects hardly any of them sums them once for each balance.
_LEVELS = """
SELECT {key}, {code}, {name}, u.code, sum(b.on_hand), sum(b.held)
FROM (
    SELECT item_id, location_id, lot_id, status, on_hand, held FROM ledger_balance
    UNION ALL
    SELECT item_id, location_id, lot_id, status, -quantity, 0 FROM ledger_posting
    WHERE balance_id IS NOT NULL AND (effective_at > %(as_of)s OR sequence > %(known_to)s)
) AS b
JOIN catalog_item i ON i.id = b.item_id
JOIN catalog_unit u ON u.id = i.base_unit_id
{join}
WHERE (%(locations)s::uuid[] IS NULL OR b.location_id = ANY(%(locations)s))
    AND (%(items)s::uuid[] IS NULL OR b.item_id = ANY(%(items)s))
    AND (%(under)s::uuid IS NULL OR b.location_id IN (
        SELECT c.descendant_id FROM locations_location_closure c WHERE c.ancestor_id = %(under)s
    ))
    AND (%(after)s::text IS NULL OR ({key}, u.code) > (%(after)s, %(after_unit)s))
GROUP BY 1, 2, 3, 4
ORDER BY 1, 4
LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelsWanted:
    """Which sums are asked for; `after` is the (key, unit) of the row before the page."""

    by: str
    limit: int
    point: PointInTime
    items: Sequence[UUID] | None = None
    under: UUID | None = None
    after: tuple[str, str] | None = None


def levels(grants: Grants, wanted: LevelsWanted) -> list[LevelRow]:
    """Return sums over the balances that the caller may see, ordered by key and unit, with one query."""
    key, code, name, join = _LEVEL_KEYS[wanted.by]
    sql = _LEVELS.format(key=key, code=code, name=name, join=join)
    after = wanted.after or (None, None)
    found = rows(
        sql,
        {
            "as_of": wanted.point.as_of,
            "known_to": wanted.point.known_to,
            "locations": location_ids(grants.scope(permissions.VIEW)),
            "items": None if wanted.items is None else list(wanted.items),
            "under": wanted.under,
            "after": after[0],
            "after_unit": after[1],
            "limit": wanted.limit,
        },
    )
    return [
        LevelRow(key=key, code=code, name=name, unit=unit, on_hand=on_hand, held=held)
        for key, code, name, unit, on_hand, held in found
    ]
