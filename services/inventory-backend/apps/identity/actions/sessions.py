"""Sessions: how they begin, go on and end."""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from apps.common.errors import NotFound
from apps.identity.actions.second_factor import SIGN_IN, SignInRefused, require_second_factor
from apps.identity.models import ProvidedSession, RefreshToken, Session, User
from apps.identity.queries import digest_of, idle_since
from apps.identity.tokens import AccessToken
from apps.identity.types import BrowserSession, Provided, TokenPair, UserKind
from audit import Event, Origin
from audit.django import actions as trail

log = structlog.get_logger(__name__)


def begin_session(
    *, user: User, methods: Sequence[str], origin: Origin, agent: str = "", provided: Provided | None = None
) -> TokenPair:
    """Begin a session for somebody who was authenticated by `methods` (RFC 8176), and return its tokens.

    What was `provided` elsewhere ends with the session over there.

    Raises `SecondFactorRequired` where the account has a second factor and `methods` has none (ASVS V6.3.3), and
    `SignInRefused` where the account is a service's, or was switched off or its password replaced meanwhile.
    """
    require_second_factor(user, methods, purpose=SIGN_IN)
    with transaction.atomic():
        session = _begun(user, methods, origin, agent, provided)
        return _next_pair(session, origin)


def begin_browser_session(
    *, user: User, methods: Sequence[str], origin: Origin, agent: str = "", provided: Provided | None = None
) -> BrowserSession:
    """Begin a session that a cookie keeps alive; as `begin_session` in everything else."""
    require_second_factor(user, methods, purpose=SIGN_IN)
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        session = _begun(user, methods, origin, agent, provided, cookie=digest_of(secret))
    return BrowserSession(secret=secret, expires_at=session.expires_at)


def refresh_session(*, refresh: str, origin: Origin) -> TokenPair:
    """Trade a refresh token, once, for a new pair.

    Raises `SignInRefused` for an unknown, expired or used token; using one twice ends its whole session, since one
    of the two users of it stole it.
    """
    with transaction.atomic():
        # Whether it was free is decided by the row itself: of any number of rivals one updates it.
        used = RefreshToken.objects.filter(
            digest=digest_of(refresh),
            used_at=None,
            expires_at__gt=origin.at,
            # A subquery, since Django moves all conditions of a joined update into one, and PostgreSQL, having waited
            # for a rival, looks again only at those on the row itself.
            session__in=Session.objects.filter(
                revoked_at=None, expires_at__gt=origin.at, last_used_at__gt=idle_since(origin.at), user__is_active=True
            ),
        ).update(used_at=origin.at)
        token = RefreshToken.objects.filter(digest=digest_of(refresh)).select_related("session").first()
        if used and token:
            Session.objects.filter(pk=token.session_id).update(last_used_at=origin.at)
            # Used ones are kept for as long as they would be good, so that a second use is noticed.
            RefreshToken.objects.filter(session=token.session_id, expires_at__lte=origin.at).delete()
            return _next_pair(token.session, origin)
        if token and token.used_at:
            log.warning("session.reuse_detected", session_id=str(token.session_id))
            _end(token.session, origin=origin, action="session.reuse_detected")
    raise SignInRefused("This refresh token cannot be used (any more). Sign in again.")


def end_session(*, refresh: str, origin: Origin) -> None:
    """Sign out: end the session that the token belongs to. An unknown token is no error (RFC 7009, 2.2)."""
    with transaction.atomic():
        token = RefreshToken.objects.filter(digest=digest_of(refresh)).select_related("session").first()
        if token:
            _end(token.session, origin=origin, action="session.ended")


@transaction.atomic
def revoke_session(*, session_id: UUID, user_id: UUID | None, origin: Origin) -> None:
    """End one session; of one user, or for None of whomever. Raises `NotFound` where there is none."""
    session = Session.objects.filter(pk=session_id, **({} if user_id is None else {"user_id": user_id})).first()
    if session is None:
        raise NotFound
    _end(session, origin=origin, action="session.ended")


def end_sessions(*, user_id: UUID, at: datetime) -> int:
    """End all sessions of a user, and return how many: the password or a factor changed, or the account is off.

    It records nothing: the action that calls it, in its transaction, says why.
    """
    return Session.objects.filter(user_id=user_id, revoked_at=None).update(revoked_at=at)


def end_these_sessions(session_ids: Collection[UUID], *, at: datetime) -> int:
    """End sessions, as `end_sessions` does; return how many of them still lived."""
    return Session.objects.filter(pk__in=session_ids, revoked_at=None).update(revoked_at=at)


@transaction.atomic
def renew_proof(*, session_id: UUID, methods: Sequence[str], origin: Origin) -> None:
    """Note that somebody has just proved anew who they are, within their session (RFC 9470)."""
    session = Session.objects.select_for_update().get(pk=session_id)
    session.methods = sorted({*session.methods, *methods})
    session.authenticated_at = origin.at
    session.save(update_fields=["methods", "authenticated_at"])
    event = Event(action="session.proof_renewed", object_type="user", object_id=str(session.user_id))
    trail.record(event, origin=origin)


def _begun(
    user: User,
    methods: Sequence[str],
    origin: Origin,
    agent: str,
    provided: Provided | None,
    *,
    cookie: bytes | None = None,
) -> Session:
    # The account as it was proved: whoever replaces the password meanwhile ends this session too, or it never begins.
    # A service has no sessions, however it was authenticated.
    people = User.objects.filter(kind=UserKind.PERSON.value, is_active=True)
    same = people.select_for_update(no_key=True).filter(pk=user.pk, password=user.password)
    if not same.exists():
        raise SignInRefused("The account was changed meanwhile. Sign in again.")
    session = Session.objects.create(
        user=user,
        created_at=origin.at,
        authenticated_at=origin.at,
        last_used_at=origin.at,
        expires_at=origin.at + timedelta(days=settings.CONFIG.refresh_token_days),
        methods=sorted(set(methods)),
        ip=_address(origin.ip),
        agent=agent,
        cookie_digest=cookie,
    )
    if provided is not None:
        ProvidedSession.objects.create(
            session_id=session.pk, identity_id=provided.identity_id, session_over_there=provided.session_over_there
        )
    after = {"methods": session.methods}
    trail.record(Event(action="user.signed_in", object_type="user", object_id=str(user.pk), after=after), origin=origin)
    return session


def _next_pair(session: Session, origin: Origin) -> TokenPair:
    refresh = secrets.token_urlsafe(32)
    idle = origin.at + timedelta(days=settings.CONFIG.session_idle_days)
    expires_at = min(idle, session.expires_at)
    RefreshToken.objects.create(digest=digest_of(refresh), session=session, expires_at=expires_at)
    access = AccessToken.issue(user_id=session.user_id, session_id=session.pk)
    return TokenPair(access=access, refresh=refresh, expires_in=AccessToken.seconds())


def _end(session: Session, *, origin: Origin, action: str) -> None:
    if Session.objects.filter(pk=session.pk, revoked_at=None).update(revoked_at=origin.at):
        # Of rivals that come upon the same reuse, the first ends the session and tells of it.
        trail.record(Event(action=action, object_type="user", object_id=str(session.user_id)), origin=origin)


def _address(ip: str | None) -> str | None:
    try:
        return None if ip is None else str(ip_address(ip))
    except ValueError:
        return None
