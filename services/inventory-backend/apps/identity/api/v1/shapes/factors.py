"""Wire shapes of second factors."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from apps.common.api.fields import IdOut, InstantOut, Name, instant, instant_or_none
from apps.identity.actions.factors import AppSecret
from apps.identity.api.v1.shapes.sessions import ChallengeText
from apps.identity.queries import Factors


class AppCode(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /factors/totp/confirm."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{6}$(?!\n)", extra={"hint": "the six digits that the app shows"})]


class NewPasskey(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /factors/passkeys: what `navigator.credentials.create` answered, as JSON."""

    name: Name
    challenge: ChallengeText
    credential: dict[str, Any]


class AppShape(Struct, frozen=True, kw_only=True):
    """What an authenticator app is told, shown this once."""

    secret: str
    uri: str


class RecoveryShape(Struct, frozen=True, kw_only=True):
    """New recovery codes, shown this once; empty where the old ones are still good."""

    recovery_codes: list[str]


class PasskeyShape(Struct, frozen=True, kw_only=True):
    """A passkey."""

    id: IdOut
    name: str
    created_at: InstantOut
    last_used_at: InstantOut | None


class FactorsShape(Struct, frozen=True, kw_only=True):
    """The second factors of who asks; `recovery_codes` is how many are left."""

    totp: bool
    passkeys: list[PasskeyShape]
    recovery_codes: int


def app_shape(secret: AppSecret) -> AppShape:
    """Return a new secret as the API shows it."""
    return AppShape(secret=secret.secret, uri=secret.uri)


def factors_shape(factors: Factors) -> FactorsShape:
    """Return the second factors of an account as the API shows them."""
    return FactorsShape(
        totp=factors.has_app,
        passkeys=[
            PasskeyShape(
                id=str(passkey.pk),
                name=passkey.name,
                created_at=instant(passkey.created_at),
                last_used_at=instant_or_none(passkey.last_used_at),
            )
            for passkey in factors.passkeys
        ],
        recovery_codes=factors.recovery_codes,
    )
