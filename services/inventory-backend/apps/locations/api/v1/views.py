"""HTTP in, one action, HTTP out."""

from typing import Any, Final

from django.db.models import Q, QuerySet

from apps.common.api.pages import Listing
from apps.common.api.resources import Resource, columns_in, refs_in
from apps.common.errors import Invalid
from apps.locations import actions, permissions, queries
from apps.locations.api.v1.shapes import LocationPatch, LocationQuery, LocationShape, NewLocation, location_shapes
from apps.locations.models import Location
from audit import Origin
from rbac import Grants


def _parent(selector: str | None, grants: Grants) -> Location | None:
    if selector is None:
        return None
    return queries.SELECTORS.one(queries.locations(grants), selector, pointer="#/parent")


def _created(body: NewLocation, grants: Grants, origin: Origin) -> Location:
    location = actions.create_location(
        code=body.code,
        name=body.name,
        kind=body.kind,
        parent=_parent(body.parent, grants),
        allows_negative=body.allows_negative,
        refs=refs_in(body),
        scope=grants.scope(permissions.EDIT),
        origin=origin,
    )
    return _shown(location, grants)


def _changed(location: Location, body: LocationPatch, grants: Grants, origin: Origin) -> Location:
    changes: dict[str, Any] = columns_in(body)
    if "parent" in changes:
        changes["parent"] = _parent(changes["parent"], grants)
    changed = actions.change_location(location, changes=changes, refs=refs_in(body), caller=grants, origin=origin)
    return _shown(changed, grants)


def _shown(location: Location, grants: Grants) -> Location:
    """Return a location as the caller may see it, with the path that it has now."""
    return queries.with_path(Location.objects.all(), grants.scope(permissions.VIEW)).get(pk=location.pk)


def _named(selector: str, pointer: str) -> Location | None:
    if not queries.SELECTORS.understands(selector):
        raise Invalid.at(pointer, "unknown_selector", f"Send {queries.SELECTORS.forms()}.")
    return queries.SELECTORS.find(Location.objects.all(), [selector]).get(selector)


def _children(rows: QuerySet[Location], selector: str) -> QuerySet[Location]:
    parent = _named(selector, "?parent")
    return queries.seen_below(rows, parent).filter(parent=parent) if parent else rows.none()


def _under(rows: QuerySet[Location], selector: str) -> QuerySet[Location]:
    top = _named(selector, "?under")
    return queries.seen_below(rows, top) if top else rows.none()


def _found(rows: QuerySet[Location], text: str) -> QuerySet[Location]:
    return rows.filter(Q(code__icontains=text) | Q(name__icontains=text))


LOCATIONS: Final = Resource(
    noun="location",
    plural="locations",
    model=Location,
    selectors=queries.SELECTORS,
    listing=Listing(
        kind=LocationShape, shape=location_shapes, sorts={"code": "code", "created_at": "id"}, default="code"
    ),
    query=LocationQuery,
    filters={
        "code": "code__in",
        "kind": "kind__in",
        "is_virtual": "is_virtual",
        "parent": _children,
        "under": _under,
        "q": _found,
    },
    new=NewLocation,
    patch=LocationPatch,
    view=permissions.VIEW,
    edit=permissions.EDIT,
    rows=queries.locations,
    create=_created,
    change=_changed,
    guard=lambda location, grants: actions.require_editable(location, scope=grants.scope(permissions.EDIT)),
)
