"""Reads that others may rely on."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.utils import timezone

from apps.common.db import rows
from apps.identity.models import Passkey, Session
from apps.identity.types import Bound, Principal
from rbac import Grant, Grants

# One statement for every request: the user, whether the session still lives, and what the user holds at `at`.
_PRINCIPAL = """
SELECT u.id, u.username, u.name, s.id, s.methods, s.authenticated_at, s.last_used_at, r.permissions, b.location_id
FROM identity_session s
JOIN identity_user u ON u.id = s.user_id
LEFT JOIN rbac_binding b ON b.user_id = u.id
    AND (b.valid_from IS NULL OR b.valid_from <= %(at)s) AND (b.valid_until IS NULL OR %(at)s < b.valid_until)
LEFT JOIN rbac_role r ON r.id = b.role_id
WHERE {session} AND u.is_active
    AND s.revoked_at IS NULL AND s.expires_at > %(at)s AND s.last_used_at > %(idle)s
"""
_BY_TOKEN = _PRINCIPAL.format(session="s.id = %(session)s AND u.id = %(user)s AND s.cookie_digest IS NULL")
_BY_COOKIE = _PRINCIPAL.format(session="s.cookie_digest = %(cookie)s")
# A browser's session is noted as used at most this often: a read should not cost a write each time.
_NOTED_EVERY = timedelta(minutes=5)

_SECOND_FACTORS = """
SELECT
    EXISTS (SELECT FROM identity_totp WHERE user_id = %(user)s AND confirmed_at IS NOT NULL),
    EXISTS (SELECT FROM identity_passkey WHERE user_id = %(user)s),
    (SELECT count(*) FROM identity_recovery_code WHERE user_id = %(user)s AND used_at IS NULL)
"""

_BINDINGS = """
SELECT r.code, r.permissions, b.location_id, l.code, l.name, b.valid_until
FROM rbac_binding b
JOIN rbac_role r ON r.id = b.role_id
LEFT JOIN locations_location l ON l.id = b.location_id
WHERE b.user_id = %(user)s
    AND (b.valid_from IS NULL OR b.valid_from <= %(at)s) AND (b.valid_until IS NULL OR %(at)s < b.valid_until)
ORDER BY r.code, l.code NULLS FIRST
"""


def principal(*, user_id: UUID, session_id: UUID, at: datetime) -> Principal | None:
    """Return the user as of `at` with all grants; None where the account is off or the session is over."""
    found = rows(_BY_TOKEN, {"user": user_id, "session": session_id, "at": at, "idle": idle_since(at)})
    return _principal(found)


def principal_of_cookie(*, secret: str, at: datetime) -> Principal | None:
    """Return whose browser sends this cookie, as `principal` does, and note now and then that it is in use."""
    values = {"cookie": digest_of(secret), "at": at, "idle": idle_since(at)}
    found = rows(_BY_COOKIE, values)
    if found and found[0][6] < at - _NOTED_EVERY:
        Session.objects.filter(pk=found[0][3], last_used_at__lt=at).update(last_used_at=at)
    return _principal(found)


def _principal(found: list[tuple[Any, ...]]) -> Principal | None:
    if not found:
        return None
    user_id, username, name, session_id, methods, authenticated_at, *_ = found[0]
    return Principal(
        pk=user_id,
        username=username,
        name=name,
        session_id=session_id,
        methods=frozenset(methods),
        authenticated_at=authenticated_at,
        grants=Grants(tuple(Grant(frozenset(codes), place) for *_, codes, place in found if codes is not None)),
    )


def digest_of(secret: str) -> bytes:
    """Return what is kept of a refresh token or a cookie: its SHA-256."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def recovery_digest(user_id: UUID, code: str) -> bytes:
    """Return what is kept of a recovery code, whatever its case and hyphens."""
    plain = code.replace("-", "").replace(" ", "").lower()
    return hashlib.sha256(user_id.bytes + plain.encode(errors="surrogatepass")).digest()


def idle_since(at: datetime) -> datetime:
    """Return the instant at which a session must have been used to live on at `at`."""
    return at - timedelta(days=settings.CONFIG.session_idle_days)


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


def sessions_of(*, user_id: UUID, current: UUID | None) -> QuerySet[Session]:
    """Return the sessions of a user that are alive, each with `is_current`."""
    at = timezone.now()
    alive = Session.objects.filter(user_id=user_id, revoked_at=None, expires_at__gt=at, last_used_at__gt=idle_since(at))
    return alive.annotate(is_current=ExpressionWrapper(Q(pk=current), output_field=BooleanField()))


def bindings_of(*, user_id: UUID, at: datetime) -> list[Bound]:
    """Return the roles that a user holds at `at`, and where, in one query."""
    return [
        Bound(
            role=role,
            permissions=frozenset(codes),
            location=None if place is None else (place, code, name),
            valid_until=valid_until,
        )
        for role, codes, place, code, name, valid_until in rows(_BINDINGS, {"user": user_id, "at": at})
    ]
