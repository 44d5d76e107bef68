"""Values that cross this domain's border."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from rbac import Grants


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking: a user as of this request, with everything granted to them.

    `methods` says how they proved who they are (RFC 8176: pwd, otp, hwk, fed ...), last at `authenticated_at`.
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
    """A role that a user holds: `location` is (id, code, name), or None for everywhere."""

    role: str
    permissions: frozenset[str]
    location: tuple[UUID, str, str] | None
    valid_until: datetime | None
