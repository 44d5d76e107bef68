"""Locations, as far as a key or a role is limited to one; their own domain lies above this one."""

from typing import Final
from uuid import UUID

from apps.common.db import rows
from apps.common.selectors import Selectors
from rbac import Grants, Scope

_SELECTORS: Final = Selectors(noun="location", codes={"loc": "code"})
_FIND: Final = {
    "id": "SELECT l.id FROM locations_location l WHERE l.id = %(value)s",
    "code": "SELECT l.id FROM locations_location l WHERE l.code = %(value)s",
}
_WITHIN: Final = """
    AND (%(everywhere)s OR EXISTS (
        SELECT FROM locations_location_closure c WHERE c.descendant_id = l.id AND c.ancestor_id = ANY(%(roots)s::uuid[])
    ))
"""


def find_place(selector: str, *, grants: Grants) -> UUID | None:
    """Return the location that is named, if the caller holds anything there: all others do not exist for them.

    Raises `Invalid` for a text that is no selector.
    """
    column, value = _SELECTORS.parse(selector)
    scope = Scope.nothing()
    for code in grants.permissions():
        scope |= grants.scope(code)
    named = {"value": value, "everywhere": scope.everywhere, "roots": list(scope.roots)}
    found = rows(_FIND[column] + _WITHIN, named)
    return found[0][0] if found else None
