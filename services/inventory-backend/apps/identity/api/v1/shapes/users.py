"""Wire shapes of users and service accounts."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from apps.common.api.fields import IdOut, InstantOut, Name, Text, instant
from apps.common.api.pages import PageQuery
from apps.common.api.resources import columns_in
from apps.identity.models import User

_END = r"$(?!\n)"
Username = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._@+-]*[A-Za-z0-9])?" + _END,
        min_length=1,
        max_length=64,
        extra={"hint": "1 to 64 letters, digits and . _ @ + -, beginning and ending with a letter or digit"},
    ),
]
Email = Annotated[
    str,
    Meta(
        # As HTML does: https://html.spec.whatwg.org/#valid-e-mail-address
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
        r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*" + _END,
        max_length=254,
        extra={"hint": "an e-mail address of at most 254 characters"},
    ),
]
Language = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*" + _END,
        max_length=35,
        extra={"hint": "a language tag such as de or pt-BR"},
    ),
]
TimeZone = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*" + _END,
        max_length=64,
        extra={"hint": "the name of a time zone, such as Europe/Berlin"},
    ),
]
NewPassword = Annotated[
    str, Meta(min_length=1, max_length=1000, extra={"hint": "text of 1 to 1000 characters, or leave it out"})
]


class NewUser(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /users. Without a password the user cannot sign in with one yet."""

    username: Username
    name: Name
    password: NewPassword | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    language: Language | UnsetType | None = UNSET
    time_zone: TimeZone | UnsetType | None = UNSET


class UserPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PATCH /users/{id}. null clears."""

    username: Username | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    language: Language | UnsetType | None = UNSET
    time_zone: TimeZone | UnsetType | None = UNSET


class NewServiceAccount(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /service-accounts."""

    username: Username
    name: Name


class ServiceAccountPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PATCH /service-accounts/{id}."""

    username: Username | UnsetType = UNSET
    name: Name | UnsetType = UNSET


class AccountQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /service-accounts."""

    username: list[Text] | UnsetType = UNSET
    username__icontains: Text | UnsetType = UNSET
    name__icontains: Text | UnsetType = UNSET
    active: Literal["yes", "no", "any"] = "any"


class UserQuery(AccountQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /users."""

    email: list[Text] | UnsetType = UNSET


class ServiceAccountShape(Struct, frozen=True, kw_only=True):
    """A program that comes with an API key."""

    id: IdOut
    username: str
    name: str
    is_active: bool
    version: int
    created_at: InstantOut
    updated_at: InstantOut


class UserShape(Struct, frozen=True, kw_only=True):
    """Somebody who signs in."""

    id: IdOut
    username: str
    name: str
    email: str | None
    email_verified: bool
    language: str | None
    time_zone: str | None
    is_active: bool
    version: int
    created_at: InstantOut
    updated_at: InstantOut


def user_shapes(users: Sequence[User]) -> list[UserShape]:
    """Return users as the API shows them."""
    return [
        UserShape(
            email=user.email or None,
            email_verified=user.email_verified,
            language=user.language or None,
            time_zone=user.time_zone or None,
            **_in_common(user),
        )
        for user in users
    ]


def service_account_shapes(users: Sequence[User]) -> list[ServiceAccountShape]:
    """Return service accounts as the API shows them."""
    return [ServiceAccountShape(**_in_common(user)) for user in users]


def user_columns(body: Struct) -> dict[str, Any]:
    """Return the columns that a body sets; what null clears is empty text."""
    return {name: "" if value is None else value for name, value in columns_in(body, skip=["password"]).items()}


def _in_common(user: User) -> dict[str, Any]:
    return {
        "id": str(user.pk),
        "username": user.username,
        "name": user.name,
        "is_active": user.is_active,
        "version": user.version,
        "created_at": instant(user.created_at),
        "updated_at": instant(user.updated_at),
    }
