"""Wire shapes of API keys."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from apps.common.api.fields import IdOut, Instant, InstantOut, Name, Selector, Stub, Text, instant, instant_or_none
from apps.common.api.pages import PageQuery
from apps.identity.models import ApiKey

PermissionCode = Annotated[
    str,
    Meta(
        pattern=r"^[a-z_]+(?:\.[a-z_]+)+$(?!\n)",
        max_length=100,
        extra={"hint": "the code of a permission, such as ledger.post"},
    ),
]
Network = Annotated[
    str,
    Meta(
        pattern=r"^[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?$(?!\n)",
        max_length=64,
        extra={"hint": "an address or a network, such as 192.0.2.0/24"},
    ),
]


class NewKey(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /keys; without a user the key is one's own, without a location it holds wherever its owner does."""

    name: Name
    permissions: Annotated[list[PermissionCode], Meta(min_length=1, max_length=200)]
    expires_at: Instant
    user: Selector | UnsetType = UNSET
    location: Selector | UnsetType | None = UNSET
    networks: Annotated[list[Network], Meta(max_length=50)] = []


class KeyQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /keys."""

    user: Selector | UnsetType = UNSET
    prefix: list[Text] | UnsetType = UNSET
    name__icontains: Text | UnsetType = UNSET
    state: Literal["live", "ended", "any"] = "any"


class KeyOwner(Struct, frozen=True):
    """Whose grants a key narrows."""

    id: IdOut
    username: str
    name: str


class ApiKeyShape(Struct, frozen=True, kw_only=True):
    """An API key, without what makes it work; `last_used_at` is true to the minute."""

    id: IdOut
    name: str
    prefix: str
    user: KeyOwner
    permissions: list[str]
    location: Stub | None
    networks: list[str]
    created_at: InstantOut
    expires_at: InstantOut
    last_used_at: InstantOut | None
    revoked_at: InstantOut | None


class MadeKeyShape(ApiKeyShape, frozen=True, kw_only=True):
    """A new API key: `key` is shown this once."""

    key: str


def key_shapes(keys: Sequence[ApiKey]) -> list[ApiKeyShape]:
    """Return keys as the API shows them."""
    return [ApiKeyShape(**_facts(key)) for key in keys]


def made_key_shape(key: ApiKey, text: str) -> MadeKeyShape:
    """Return a new key with its text."""
    return MadeKeyShape(**_facts(key), key=text)


def _facts(key: ApiKey) -> dict[str, Any]:
    place = key.location
    return {
        "id": str(key.pk),
        "name": key.name,
        "prefix": key.prefix,
        "user": KeyOwner(id=str(key.user.pk), username=key.user.username, name=key.user.name),
        "permissions": key.permissions,
        "location": None if place is None else Stub(id=str(place.pk), code=place.code, name=place.name),
        "networks": key.networks,
        "created_at": instant(key.created_at),
        "expires_at": instant(key.expires_at),
        "last_used_at": instant_or_none(key.last_used_at),
        "revoked_at": instant_or_none(key.revoked_at),
    }
