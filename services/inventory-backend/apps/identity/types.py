"""Values that cross this domain's border."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from rbac import Grants


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking: a user as of this request, with everything granted to them."""

    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_active: ClassVar[bool] = True

    pk: UUID
    username: str
    name: str
    session_id: UUID | None
    grants: Grants


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """What a sign-in or a refresh hands out."""

    access: str
    refresh: str
    expires_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A role that a user holds: `location` is (id, code, name), or None for everywhere."""

    role: str
    permissions: frozenset[str]
    location: tuple[UUID, str, str] | None
    valid_until: datetime | None
