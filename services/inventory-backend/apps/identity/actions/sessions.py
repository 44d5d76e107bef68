"""Signing in, staying signed in, signing out."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from uuid_utils.compat import uuid7

from apps.common.errors import Unauthenticated
from apps.identity.models import Provider, RefreshToken, User
from apps.identity.tokens import AccessToken
from apps.identity.types import TokenPair
from audit import Event, Origin
from audit.django import actions as trail


class SignInRefused(Unauthenticated):
    """The username, the password or the token is wrong; which of them is not told."""

    code = "sign_in_refused"
    title = "Sign-in refused"


def sign_in(*, username: str, password: str, origin: Origin) -> TokenPair:
    """Check a password and begin a session.

    Raises `SignInRefused`, the same for an unknown user, a wrong password and an account that is off.
    """
    user = User.objects.filter(username__iexact=username).first()
    # An unknown user costs as much time as a wrong password.
    is_right = check_password(password, user.password if user else _decoy())
    if user is None or not is_right or not user.is_active:
        raise SignInRefused("The username or the password is not right.")
    if not Provider.objects.filter(kind="local", is_enabled=True).exists():
        raise SignInRefused("Passwords are switched off here. Sign in at an identity provider.")
    return begin_session(user=user, methods=("pwd",), origin=origin)


@transaction.atomic
def begin_session(*, user: User, methods: Sequence[str], origin: Origin) -> TokenPair:
    """Begin a session of somebody who was authenticated by `methods` (names of RFC 8176, and `fed` for elsewhere).

    Raises `SignInRefused` for an account that is off.
    """
    if not User.objects.filter(pk=user.pk, is_active=True).exists():
        raise SignInRefused("This account may not sign in.")
    pair = _next_pair(user_id=user.pk, family=uuid7(), origin=origin)
    event = Event(
        action="user.signed_in", object_type="user", object_id=str(user.pk), after={"methods": sorted(methods)}
    )
    trail.record(event, origin=origin)
    return pair


def revoke_sessions(session_ids: Collection[UUID], *, at: datetime) -> int:
    """End sessions, within the caller's transaction and under its event; return how many still lived."""
    alive = RefreshToken.objects.filter(family__in=session_ids, revoked_at=None)
    ended = alive.values("family").distinct().count()
    alive.update(revoked_at=at)
    return ended


def revoke_sessions_of(user: User, *, at: datetime) -> None:
    """End every session of a user, within the caller's transaction and under its event."""
    RefreshToken.objects.filter(user=user, revoked_at=None).update(revoked_at=at)


def refresh_session(*, refresh: str, origin: Origin) -> TokenPair:
    """Trade a refresh token, once, for a new pair.

    Raises `SignInRefused` for an unknown, expired or used token; using one twice ends its whole session, since one
    of the two users of it stole it.
    """
    with transaction.atomic():
        # Whether it was free is decided by the row itself: of any number of rivals one updates it.
        used = RefreshToken.objects.filter(
            digest=_digest(refresh),
            used_at=None,
            revoked_at=None,
            expires_at__gt=origin.at,
            # A subquery, since Django moves all conditions of a joined update into one, and PostgreSQL, having waited
            # for a rival, looks again only at those on the row itself.
            user__in=User.objects.filter(is_active=True),
        ).update(used_at=origin.at)
        token = RefreshToken.objects.filter(digest=_digest(refresh)).first()
        if used and token:
            return _next_pair(user_id=token.user_id, family=token.family, origin=origin)
        if token and token.used_at and not token.revoked_at:
            _end_session(token, origin=origin, action="session.reuse_detected")
    raise SignInRefused("This refresh token cannot be used (any more). Sign in again.")


def end_session(*, refresh: str, origin: Origin) -> None:
    """Sign out: end the session that the token belongs to. An unknown token is no error (RFC 7009, 2.2)."""
    with transaction.atomic():
        token = RefreshToken.objects.filter(digest=_digest(refresh), revoked_at=None).first()
        if token:
            _end_session(token, origin=origin, action="session.ended")


@cache
def _decoy() -> str:
    return make_password(secrets.token_urlsafe())


def _next_pair(*, user_id: UUID, family: UUID, origin: Origin) -> TokenPair:
    refresh = secrets.token_urlsafe(32)
    lifetime = timedelta(days=settings.CONFIG.refresh_token_days)
    RefreshToken.objects.create(
        digest=_digest(refresh), family=family, user_id=user_id, expires_at=origin.at + lifetime
    )
    return TokenPair(
        access=AccessToken.issue(user_id=user_id, session_id=family), refresh=refresh, expires_in=AccessToken.seconds()
    )


def _end_session(token: RefreshToken, *, origin: Origin, action: str) -> None:
    if RefreshToken.objects.filter(family=token.family, revoked_at=None).update(revoked_at=origin.at):
        # Of rivals that come upon the same reuse, the first ends the session and tells of it.
        trail.record(Event(action=action, object_type="user", object_id=str(token.user_id)), origin=origin)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
