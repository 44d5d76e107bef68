"""Writes to the tree of locations; its closure changes in the same transaction."""

from collections.abc import Mapping
from typing import Final

from django.db import connection, transaction

from apps.common import records
from apps.common.errors import Conflict, Forbidden
from apps.identity.actions import require_held
from apps.locations import permissions, queries
from apps.locations.models import Location, LocationClosure
from apps.locations.types import VIRTUAL, LocationKind
from audit import Origin
from rbac import Grant, Grants, Scope, handed_over
from rbac.django.actions import lock_grants
from rbac.django.models import Binding
from rbac.django.queries import held_in, path_of

# One change of the tree at a time: two moves that are each fine can make a cycle together.
_LOCK_TREE: Final = "SELECT pg_advisory_xact_lock(hashtext('locations_location_closure'))"
_ADD: Final = """
INSERT INTO locations_location_closure (ancestor_id, descendant_id, depth)
    SELECT ancestor_id, %(location)s::uuid, depth + 1
    FROM locations_location_closure WHERE descendant_id = %(parent)s::uuid
    UNION ALL SELECT %(location)s::uuid, %(location)s::uuid, 0
"""
_DETACH: Final = """
DELETE FROM locations_location_closure pair
USING locations_location_closure above, locations_location_closure below
WHERE above.descendant_id = %(location)s AND above.depth > 0 AND below.ancestor_id = %(location)s
    AND pair.ancestor_id = above.ancestor_id AND pair.descendant_id = below.descendant_id
"""
_ATTACH: Final = """
INSERT INTO locations_location_closure (ancestor_id, descendant_id, depth)
    SELECT above.ancestor_id, below.descendant_id, above.depth + below.depth + 1
    FROM locations_location_closure above CROSS JOIN locations_location_closure below
    WHERE above.descendant_id = %(parent)s::uuid AND below.ancestor_id = %(location)s
"""


class Cycle(Conflict):
    """A location cannot lie within itself."""

    code = "cycle"
    title = "A location would contain itself"


class VirtualLocation(Conflict):
    """The standard virtual locations stay as they are, and no virtual location lies in the tree."""

    code = "virtual_location"
    title = "Not possible with a virtual location"


@transaction.atomic
def create_location(  # noqa: PLR0913  (the columns of a location)
    *,
    code: str,
    name: str,
    kind: LocationKind,
    parent: Location | None,
    scope: Scope,
    origin: Origin,
    allows_negative: bool = False,
    refs: Mapping[str, str] | None = None,
) -> Location:
    """Create a location within `parent`, or at the top of the tree; `scope` is where the caller may edit.

    Raises `Forbidden` out of scope, `VirtualLocation` where it or its parent is virtual, `Archived` for an archived
    parent, and `Duplicate` where the code or a reference is taken.
    """
    _lock_tree()
    _require_place_for(kind, parent, scope)
    location = Location(code=code, name=name, kind=kind, parent=parent, allows_negative=allows_negative)
    records.create(location, noun="location", origin=origin, refs=refs)
    _run(_ADD, location, parent)
    return location


@transaction.atomic
def change_location(
    location: Location,
    *,
    changes: Mapping[str, object],
    refs: Mapping[str, str] | None,
    caller: Grants,
    origin: Origin,
) -> Location:
    """Change a location; a new `parent` moves it with everything in it.

    Raises `ImmutableField` for what its stock is checked by, `Cycle`, `StaleVersion`, as `create_location` does, and
    `BeyondOwnGrants` where others would get rights over it by the move that the caller does not hold.
    """
    scope = caller.scope(permissions.EDIT)
    require_editable(location, scope=scope)
    kept = records.without_fixed(location, changes, ("kind", "allows_negative"))
    if "parent" in kept and kept["parent"] != location.parent:
        parent = kept["parent"]
        _move(location, parent if isinstance(parent, Location) else None, caller, origin)
    return records.change(location, kept, noun="location", origin=origin, refs=refs)


def require_editable(location: Location, *, scope: Scope) -> None:
    """Refuse a write to a location that the caller may see but not change.

    Raises `VirtualLocation` for the standard virtual locations, which the ledger relies on, and `Forbidden`.
    """
    if location.is_virtual and location.code == location.kind.upper():
        raise VirtualLocation(f"{location.code} is built in. Create another {location.kind} location instead.")
    if not queries.is_within(location, scope):
        raise Forbidden(f"You do not hold {permissions.EDIT} at {location.code}.")


def _move(location: Location, parent: Location | None, caller: Grants, origin: Origin) -> None:
    _lock_tree()
    scope = caller.scope(permissions.EDIT)
    _require_editable_below(location.parent, scope)
    _require_place_for(LocationKind(location.kind), parent, scope)
    if parent and LocationClosure.objects.filter(ancestor=location, descendant=parent).exists():
        raise Cycle(f"{parent.code} lies within {location.code}. Choose a location outside of it.")
    if parent:
        _require_held_there(location, parent, caller, origin)
    _run(_DETACH, location, parent)
    _run(_ATTACH, location, parent)


def _require_held_there(location: Location, parent: Location, caller: Grants, origin: Origin) -> None:
    """Refuse to move a location to where others hold more than the caller holds at it: the move gives them that."""
    lock_grants()
    joined = path_of(parent.pk) - path_of(location.pk)
    bound = handed_over(held_in(Binding.objects.filter(location_id__in=joined)), at=origin.at)
    handed = [Grant(grant.permissions, location.pk, grant.until) for grant in bound]
    require_held(handed, permission=permissions.EDIT, location_id=location.pk, caller=caller, origin=origin)


def _require_place_for(kind: LocationKind, parent: Location | None, scope: Scope) -> None:
    _require_editable_below(parent, scope)
    if parent is None:
        return
    if kind in VIRTUAL:
        raise VirtualLocation(f"A {kind} location is virtual and has no parent.")
    if parent.is_virtual:
        raise VirtualLocation(f"{parent.code} is virtual and contains no locations.")
    if parent.archived_at:
        raise records.Archived(f"The location {parent.code} is archived. Restore it first.")


def _require_editable_below(parent: Location | None, scope: Scope) -> None:
    if parent is None and not scope.everywhere:
        raise Forbidden(f"The top of the tree belongs to those who hold {permissions.EDIT} everywhere.")
    if parent is not None and not queries.is_within(parent, scope):
        raise Forbidden(f"You do not hold {permissions.EDIT} at {parent.code}.")


def _lock_tree() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_TREE)


def _run(sql: str, location: Location, parent: Location | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"location": location.pk, "parent": parent.pk if parent else None})
