"""Second factors that an account has."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from apps.common.db import rows
from apps.identity.models import Passkey

_SECOND_FACTORS = """
SELECT
    EXISTS (SELECT FROM identity_totp WHERE user_id = %(user)s AND confirmed_at IS NOT NULL),
    EXISTS (SELECT FROM identity_passkey WHERE user_id = %(user)s),
    (SELECT count(*) FROM identity_recovery_code WHERE user_id = %(user)s AND used_at IS NULL)
"""


def recovery_digest(user_id: UUID, code: str) -> bytes:
    """Return what is kept of a recovery code, whatever its case and hyphens."""
    plain = code.replace("-", "").replace(" ", "").lower()
    return hashlib.sha256(user_id.bytes + plain.encode(errors="surrogatepass")).digest()


def second_factors_of(user_id: UUID) -> tuple[str, ...]:
    """Return how an account can show a second factor; nothing where it has none.

    Recovery codes stand in for a factor, and are none by themselves.
    """
    ((has_app, has_passkey, codes),) = rows(_SECOND_FACTORS, {"user": user_id})
    known = [method for method, has in (("otp", has_app), ("hwk", has_passkey)) if has]
    return (*known, "recovery") if known and codes else tuple(known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What second factors an account has."""

    has_app: bool
    passkeys: tuple[Passkey, ...]
    recovery_codes: int


def factors_of(user_id: UUID) -> Factors:
    """Return the second factors of a user, passkeys in the order in which they were made."""
    ((has_app, _, codes),) = rows(_SECOND_FACTORS, {"user": user_id})
    return Factors(
        has_app=has_app,
        passkeys=tuple(Passkey.objects.filter(user_id=user_id).order_by("id")),
        recovery_codes=codes,
    )
