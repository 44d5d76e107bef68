"""Values that cross this domain's border."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal, Self
from uuid import UUID

from rbac import Grant, Grants, Held, Verdict, registry


class UserKind(StrEnum):
    """Whether somebody or something signs in."""

    PERSON = "person"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking: a user as of this request, with everything granted to them.

    `methods` says how they proved who they are (RFC 8176: pwd, otp, hwk, fed ...), last at `authenticated_at`.
    With an API key, `key_id` names it, `grants` are what it leaves of its owner's, and nothing was ever proved.
    """

    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_active: ClassVar[bool] = True

    pk: UUID
    username: str
    name: str
    session_id: UUID | None
    methods: frozenset[str]
    authenticated_at: datetime
    grants: Grants
    key_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """On whose authority an account is changed.

    `self_id` is who may change their own account whatever they hold: nobody, where an API key or an operator's
    command asks.
    """

    grants: Grants
    self_id: UUID | None

    @classmethod
    def of(cls, principal: Principal) -> Self:
        """Return what a principal may do; a key stands for less than its owner, so it is not the owner."""
        return cls(grants=principal.grants, self_id=principal.pk if principal.key_id is None else None)

    @classmethod
    def operator(cls) -> Self:
        """Return what somebody may do who has the machine and its database: everything."""
        codes = frozenset(permission.code for permission in registry)
        return cls(grants=Grants((Grant(codes, None),)), self_id=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpec:
    """What an API key is for: `permissions` at `location_id` and below (None: wherever its owner holds them).

    It works from `networks` (addresses or CIDR blocks; none: from everywhere) and until `expires_at`.
    """

    name: str
    permissions: tuple[str, ...]
    location_id: UUID | None
    networks: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundKey:
    """An API key as the database has it under a prefix, whether it is good or not, and whom it would stand for."""

    id: UUID
    digest: bytes
    networks: tuple[str, ...]
    is_owner_active: bool
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    principal: Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """What a sign-in or a refresh hands out."""

    access: str
    refresh: str
    expires_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """What a sign-in of a browser hands out: `secret` is the value of its cookie."""

    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Provided:
    """Whom a session began as elsewhere, and within which session over there; it ends with that."""

    identity_id: UUID
    session_over_there: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What is left of the tries within `window_seconds`, and in how many seconds there are more."""

    limit: int
    remaining: int
    window_seconds: int
    reset_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """A proof beside the password: the code of an app or a recovery code, or what a passkey signed."""

    method: Literal["otp", "recovery", "hwk"]
    code: str = ""
    credential: Mapping[str, Any] | None = None


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
