"""Wire shapes of signing in."""

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from apps.common.api.fields import Text
from apps.identity.types import TokenPair

Password = Annotated[str, Meta(max_length=1000, extra={"hint": "text of at most 1000 characters"})]
RefreshTokenText = Annotated[
    str, Meta(min_length=1, max_length=200, extra={"hint": "the refresh token as it was handed out"})
]


class SignIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /token."""

    username: Text
    password: Password


class HeldToken(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /token/refresh and /token/revoke."""

    refresh: RefreshTokenText


class TokenShape(Struct, frozen=True, kw_only=True):
    """What a sign-in hands out: `access` is good for `expires_in` seconds, `refresh` for one use."""

    access: str
    refresh: str
    token_type: Literal["Bearer"]
    expires_in: int


class KeyShape(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A public key as a JWK (RFC 7517)."""

    kty: str
    kid: str
    use: str
    alg: str
    crv: str
    x: str
    y: str = ""


class KeysShape(Struct, frozen=True, kw_only=True):
    """The keys that access tokens are checked with (RFC 7517, section 5)."""

    keys: list[KeyShape]


def token_shape(pair: TokenPair) -> TokenShape:
    """Return a pair of tokens as the API hands it out."""
    return TokenShape(access=pair.access, refresh=pair.refresh, token_type="Bearer", expires_in=pair.expires_in)  # noqa: S106  (a scheme, not a secret)  # nosec B106


def keys_shape(jwks: Iterable[dict[str, str]]) -> KeysShape:
    """Return public keys as the API shows them."""
    return KeysShape(keys=[KeyShape(**jwk) for jwk in jwks])
