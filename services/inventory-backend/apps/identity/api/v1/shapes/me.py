"""Wire shapes of who is asking."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from apps.common.api.fields import IdOut, InstantOut, Stub, instant_or_none
from apps.identity.types import Bound, Principal


class GrantShape(Struct, frozen=True, kw_only=True):
    """What a role allows from one location downwards, without one everywhere; held through `group` if not directly."""

    role: str
    permissions: list[str]
    location: Stub | None
    group: Stub | None
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
    return GrantShape(
        role=binding.role,
        permissions=sorted(binding.permissions),
        location=_stub(binding.location),
        group=_stub(binding.group),
        valid_until=instant_or_none(binding.valid_until),
    )


def _stub(facts: tuple[UUID, str, str] | None) -> Stub | None:
    if facts is None:
        return None
    id_, code, name = facts
    return Stub(id=str(id_), code=code, name=name)
