"""Wire shapes of version 1."""

from collections.abc import Sequence

from msgspec import UNSET, Struct, UnsetType

from apps.common.api.fields import (
    Code,
    ExternalRefs,
    ExternalRefShape,
    IdOut,
    InstantOut,
    Name,
    Selector,
    Stub,
    Text,
    instant,
    instant_or_none,
)
from apps.common.api.resources import EntityQuery
from apps.locations.models import Location
from apps.locations.types import LocationKind


class NewLocation(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /locations; without a parent it stands at the top of the tree."""

    code: Code
    name: Name
    kind: LocationKind
    parent: Selector | None = None
    allows_negative: bool = False
    external_refs: ExternalRefs = []


class LocationPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PATCH /locations/{id}; a new parent moves everything in it, kind and allows_negative are fixed."""

    code: Code | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    kind: LocationKind | UnsetType = UNSET
    parent: Selector | UnsetType | None = UNSET
    allows_negative: bool | UnsetType = UNSET
    external_refs: ExternalRefs | UnsetType = UNSET


class LocationQuery(EntityQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /locations; `under` is a location with everything in it, `q` looks in code and name."""

    code: list[Text] | UnsetType = UNSET
    kind: list[LocationKind] | UnsetType = UNSET
    parent: Selector | UnsetType = UNSET
    under: Selector | UnsetType = UNSET
    is_virtual: bool | UnsetType = UNSET
    q: Text | UnsetType = UNSET


class LocationShape(Struct, frozen=True, kw_only=True):
    """A location; `path` holds the codes from the outermost location that the caller may see down to itself."""

    id: IdOut
    code: str
    name: str
    kind: LocationKind
    parent: Stub | None
    path: list[str]
    is_virtual: bool
    allows_negative: bool
    external_refs: list[ExternalRefShape]
    version: int
    created_at: InstantOut
    updated_at: InstantOut
    archived_at: InstantOut | None


def location_shapes(locations: Sequence[Location]) -> list[LocationShape]:
    """Return locations (of `queries.with_path`) as the API shows them."""
    return [
        LocationShape(
            id=str(location.pk),
            code=location.code,
            name=location.name,
            kind=LocationKind(location.kind),
            parent=_parent_stub(location),
            path=_path_of(location),
            is_virtual=location.is_virtual,
            allows_negative=location.allows_negative,
            external_refs=[ExternalRefShape(system=ref.system, id=ref.value) for ref in location.refs.all()],
            version=location.version,
            created_at=instant(location.created_at),
            updated_at=instant(location.updated_at),
            archived_at=instant_or_none(location.archived_at),
        )
        for location in locations
    ]


def _path_of(location: Location) -> list[str]:
    path: list[str] = vars(location)["path"]
    return path


def _parent_stub(location: Location) -> Stub | None:
    """Return the parent where the caller may see it: then it is part of the path."""
    parent = location.parent
    if parent is None or len(_path_of(location)) == 1:
        return None
    return Stub(id=str(parent.pk), code=parent.code, name=parent.name)
