"""Reads that others may rely on; the look-up of the ledger's hot path is written by hand."""

from collections.abc import Callable, Iterable
from functools import cache
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet

from apps.common.db import asked, rows
from apps.common.selectors import Selectors
from apps.locations import permissions
from apps.locations.models import Location, LocationClosure
from apps.locations.types import LocationFact, LocationKind
from rbac import Grants, Scope
from rbac.django.queries import within, within_subtree

SELECTORS = Selectors(noun="location", codes={"loc": "code"}, has_refs=True)

_FIND = """
SELECT {name}, l.id, l.code, l.name, l.kind, l.is_virtual, l.archived_at IS NOT NULL
FROM locations_location l {join}
WHERE {name} = ANY(%s) AND (%s OR l.is_virtual OR EXISTS (
    SELECT FROM locations_location_closure c WHERE c.descendant_id = l.id AND c.ancestor_id = ANY(%s::uuid[])
))
"""
_NAMES = {
    "id": ("l.id::text", ""),
    "code": ("l.code", ""),
    "ext": ("r.system || ':' || r.value", "JOIN locations_location_ref r ON r.location_id = l.id"),
}


def locations(grants: Grants) -> QuerySet[Location]:
    """Return the locations that the caller may see: their own subtrees, and the virtual ones."""
    scope = grants.scope(permissions.VIEW)
    visible = Q() if scope.everywhere else within(scope, "id") | Q(is_virtual=True)
    return with_path(Location.objects.filter(visible), scope)


def with_path(places: QuerySet[Location], scope: Scope) -> QuerySet[Location]:
    """Give each location its `path`: the codes from the outermost one in `scope` down to itself."""
    seen = Q() if scope.everywhere else Q(depth=0) | within_subtree(scope, "ancestor_id")
    above = LocationClosure.objects.filter(seen, descendant=OuterRef("pk"))
    path = ArraySubquery(above.order_by("-depth").values("ancestor__code"))
    return places.select_related("parent").prefetch_related("refs").annotate(path=path)


def seen_below(places: QuerySet[Location], top: Location) -> QuerySet[Location]:
    """Return those of `places` (of `with_path`) that lie in `top`, as far as the caller may see `top` itself."""
    return places.filter(Q(("path__contains", [top.code])), pk__in=under(top.pk))


def is_within(location: Location, scope: Scope) -> bool:
    """Tell whether `scope` covers a location."""
    above = LocationClosure.objects.filter(descendant=location, ancestor_id__in=scope.roots)
    return scope.everywhere or above.exists()


def under(location_id: UUID) -> QuerySet[LocationClosure, UUID]:
    """Return the ids of a location and everything in it."""
    return LocationClosure.objects.filter(ancestor_id=location_id).values_list("descendant_id", flat=True)


def find_locations(selectors: Iterable[str], *, scope: Scope) -> dict[str, LocationFact]:
    """Return the locations that are named and lie in `scope` (or are virtual), by selector.

    One query for each kind of selector; what does not exist and what is out of scope are left out alike.

    Raises `Invalid` for a text that is no selector.
    """
    return ask_locations(selectors, scope=scope)()


def ask_locations(selectors: Iterable[str], *, scope: Scope) -> Callable[[], dict[str, LocationFact]]:
    """Send the queries of `find_locations`; the result waits for their answers."""
    sought = [
        (values, asked(_FIND.format(name=name, join=join), [list(values), scope.everywhere, list(scope.roots)]))
        for column, values in SELECTORS.grouped(selectors).items()
        for name, join in [_NAMES[column]]
    ]
    return lambda: {values[key]: _fact(*facts) for values, found in sought for key, *facts in found()}


@cache
def virtual_locations() -> dict[LocationKind, LocationFact]:
    """Return the one standard location of each virtual kind; they are made by a migration and never change."""
    sql = """
        SELECT DISTINCT ON (kind) id, code, name, kind, is_virtual, false FROM locations_location
        WHERE is_virtual AND code = upper(kind) ORDER BY kind
    """
    return {fact.kind: fact for fact in (_fact(*facts) for facts in rows(sql, []))}


def _fact(id_: UUID, code: str, name: str, kind: str, is_virtual: bool, is_archived: bool) -> LocationFact:  # noqa: FBT001  (a row)
    return LocationFact(
        id=id_, code=code, name=name, kind=LocationKind(kind), is_virtual=is_virtual, is_archived=is_archived
    )
