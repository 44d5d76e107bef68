"""Wire shapes of who is asking."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from apps.common.api.fields import IdOut, InstantOut, Name, Stub, instant_or_none
from apps.identity.api.v1.shapes.users import Language, TimeZone
from apps.identity.models import User
from apps.identity.types import Bound, Principal, UserKind


class MePatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PATCH /me. null clears."""

    name: Name | UnsetType = UNSET
    language: Language | UnsetType | None = UNSET
    time_zone: TimeZone | UnsetType | None = UNSET


class GrantShape(Struct, frozen=True, kw_only=True):
    """What a role allows from one location downwards, without one everywhere; held through `group` if not directly."""

    role: str
    permissions: list[str]
    location: Stub | None
    group: Stub | None
    valid_until: InstantOut | None


class MeShape(Struct, frozen=True, kw_only=True):
    """Who is asking; `permissions` are held at one location at least, `grants` says at which.

    With an API key, both are what the key leaves of its owner's.
    """

    id: IdOut
    username: str
    name: str
    kind: UserKind
    email: str | None
    email_verified: bool
    language: str | None
    time_zone: str | None
    roles: list[str]
    permissions: list[str]
    grants: list[GrantShape]


def me_shape(user: User, principal: Principal, bindings: Sequence[Bound]) -> MeShape:
    """Return a principal as the API shows it, with the bindings that hold now."""
    return MeShape(
        id=str(principal.pk),
        username=user.username,
        name=user.name,
        kind=UserKind(user.kind),
        email=user.email or None,
        email_verified=user.email_verified,
        language=user.language or None,
        time_zone=user.time_zone or None,
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
