"""Signing in, staying signed in, signing out."""

import hashlib
import secrets
from datetime import timedelta
from functools import cache
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from uuid_utils.compat import uuid7

from apps.common.errors import Unauthenticated
from apps.identity.models import RefreshToken, User
from apps.identity.tokens import AccessToken
from apps.identity.types import TokenPair, UserKind
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
    if user is None or not is_right or not user.is_active or user.kind != UserKind.PERSON:
        raise SignInRefused("The username or the password is not right.")
    with transaction.atomic():
        pair = _next_pair(user_id=user.pk, family=uuid7(), origin=origin)
        trail.record(Event(action="user.signed_in", object_type="user", object_id=str(user.pk)), origin=origin)
    return pair


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


def revoke_session(*, family: UUID, origin: Origin) -> bool:
    """End one session, whoever's it is, and return whether it was still there."""
    with transaction.atomic():
        token = RefreshToken.objects.filter(family=family, revoked_at=None).first()
        if token is None:
            return False
        _end_session(token, origin=origin, action="session.revoked")
        return True


def end_sessions_of(user: User, *, origin: Origin) -> int:
    """End every session of an account, in the transaction of what ends them; return how many refresh tokens died."""
    return RefreshToken.objects.filter(user=user, revoked_at=None).update(revoked_at=origin.at)


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
