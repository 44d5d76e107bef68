"""Wire shapes of signing in, and of being signed in."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from apps.common.api.fields import IdOut, InstantOut, Text, instant
from apps.common.api.pages import PageQuery
from apps.identity.models import Session
from apps.identity.types import SecondFactor, TokenPair

Password = Annotated[str, Meta(max_length=1000, extra={"hint": "text of at most 1000 characters"})]
RefreshTokenText = Annotated[
    str, Meta(min_length=1, max_length=200, extra={"hint": "the refresh token as it was handed out"})
]
ChallengeText = Annotated[
    str, Meta(min_length=1, max_length=1000, extra={"hint": "the challenge as it was handed out"})
]


class SignIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /token and POST /session."""

    username: Text
    password: Password


class HeldToken(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /token/refresh and /token/revoke."""

    refresh: RefreshTokenText


class HeldChallenge(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of a request for what a passkey is to sign."""

    challenge: ChallengeText


class ShownFactor(Struct, kw_only=True, forbid_unknown_fields=True):
    """A second factor that answers a challenge: `code` of an app or a recovery code, or a passkey's `credential`."""

    challenge: ChallengeText
    method: Literal["otp", "recovery", "hwk"]
    code: Annotated[str, Meta(max_length=64, extra={"hint": "a code of at most 64 characters"})] = ""
    credential: dict[str, Any] = {}


class KnownPassword(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /proof: the password of who is signed in."""

    password: Password


class TokenShape(Struct, frozen=True, kw_only=True):
    """What a sign-in hands out: `access` is good for `expires_in` seconds, `refresh` for one use."""

    access: str
    refresh: str
    token_type: Literal["Bearer"]
    expires_in: int


class BrowserShape(Struct, frozen=True, kw_only=True):
    """What a browser gets beside its cookie: each write sends `csrf_token` as X-CSRF-Token."""

    csrf_token: str


class OptionsShape(Struct, frozen=True, kw_only=True):
    """What a browser's WebAuthn call takes, and the challenge that its answer goes back with."""

    challenge: str
    options: dict[str, Any]


class ChallengeShape(Struct, frozen=True, kw_only=True):
    """A challenge, and the methods that answer it."""

    challenge: str
    methods: list[str]


class SessionQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /sessions; without `user` it is about who asks."""

    user: Text | UnsetType = UNSET


class SessionShape(Struct, frozen=True, kw_only=True):
    """Somebody signed in on one device; `methods` are those of RFC 8176."""

    id: IdOut
    kind: Literal["browser", "tokens"]
    methods: list[str]
    ip: str | None
    agent: str
    created_at: InstantOut
    authenticated_at: InstantOut
    last_used_at: InstantOut
    expires_at: InstantOut
    is_current: bool


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


def factor_of(body: ShownFactor) -> SecondFactor:
    """Return what a body shows."""
    return SecondFactor(method=body.method, code=body.code, credential=body.credential)


def token_shape(pair: TokenPair) -> TokenShape:
    """Return a pair of tokens as the API hands it out."""
    return TokenShape(access=pair.access, refresh=pair.refresh, token_type="Bearer", expires_in=pair.expires_in)  # noqa: S106  (a scheme, not a secret)  # nosec B106


def keys_shape(jwks: Iterable[dict[str, str]]) -> KeysShape:
    """Return public keys as the API shows them."""
    return KeysShape(keys=[KeyShape(**jwk) for jwk in jwks])


def session_shapes(sessions: Sequence[Session]) -> list[SessionShape]:
    """Return sessions as the API shows them."""
    return [
        SessionShape(
            id=str(session.pk),
            kind="tokens" if session.cookie_digest is None else "browser",
            methods=session.methods,
            ip=session.ip,
            agent=session.agent,
            created_at=instant(session.created_at),
            authenticated_at=instant(session.authenticated_at),
            last_used_at=instant(session.last_used_at),
            expires_at=instant(session.expires_at),
            is_current=bool(vars(session).get("is_current")),
        )
        for session in sessions
    ]
