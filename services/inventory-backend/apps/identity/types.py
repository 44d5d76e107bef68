"""Values that cross this domain's border."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from rbac import Grants, Held, Verdict


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
    """A role that a user holds, through `group` if not directly.

    `location` and `group` are (id, code, name); no location is everywhere.
    """

    role: str
    permissions: frozenset[str]
    location: tuple[UUID, str, str] | None
    valid_until: datetime | None
    group: tuple[UUID, str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What one binding says to a question; its `location` is None at the root and where the asker may not see it."""

    held: Held
    verdict: Verdict
    is_above: bool
    group: tuple[UUID, str, str] | None
    location: tuple[UUID, str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a user may or may not; `user` and `location` are (id, code, name), and `roles` would allow it."""

    user: tuple[UUID, str, str]
    is_active: bool
    permission: str
    location: tuple[UUID, str, str] | None
    bindings: tuple[Explained, ...]
    roles: tuple[str, ...]

    @property
    def is_allowed(self) -> bool:
        """Tell whether a binding allows it, for an account that is on."""
        return self.is_active and any(each.verdict is Verdict.GRANTS for each in self.bindings)
