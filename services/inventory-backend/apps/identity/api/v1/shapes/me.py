"""Wire shapes of who is asking."""

from collections.abc import Sequence

from msgspec import Struct

from apps.common.api.fields import IdOut, InstantOut, Stub, instant_or_none
from apps.identity.types import Bound, Principal


class GrantShape(Struct, frozen=True, kw_only=True):
    """What a role allows from one location downwards; without a location, everywhere."""

    role: str
    permissions: list[str]
    location: Stub | None
    valid_until: InstantOut | None


class MeShape(Struct, frozen=True, kw_only=True):
    """Who is asking; `permissions` are held at one location at least, `grants` says at which."""

    id: IdOut
    username: str
    name: str
    roles: list[str]
    permissions: list[str]
    grants: list[GrantShape]


def me_shape(principal: Principal, bindings: Sequence[Bound]) -> MeShape:
    """Return a principal as the API shows it, with the bindings that hold now."""
    return MeShape(
        id=str(principal.pk),
        username=principal.username,
        name=principal.name,
        roles=sorted({binding.role for binding in bindings}),
        permissions=sorted(principal.grants.permissions()),
        grants=[_grant_shape(binding) for binding in bindings],
    )


def _grant_shape(binding: Bound) -> GrantShape:
    location = None
    if binding.location is not None:
        place, code, name = binding.location
        location = Stub(id=str(place), code=code, name=name)
    return GrantShape(
        role=binding.role,
        permissions=sorted(binding.permissions),
        location=location,
        valid_until=instant_or_none(binding.valid_until),
    )
