"""Sessions: which of them are alive, and what they are found by."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.utils import timezone

from apps.identity.models import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """A session: since when, when it was last used, and until when it can be."""

    id: UUID
    username: str
    began_at: datetime
    last_used_at: datetime
    expires_at: datetime


def digest_of(secret: str) -> bytes:
    """Return what is kept of a refresh token or a cookie: its SHA-256."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def idle_since(at: datetime) -> datetime:
    """Return the instant at which a session must have been used to live on at `at`."""
    return at - timedelta(days=settings.CONFIG.session_idle_days)


def sessions_of(*, user_id: UUID, current: UUID | None) -> QuerySet[Session]:
    """Return the sessions of a user that are alive, each with `is_current`."""
    alive = _alive(timezone.now()).filter(user_id=user_id)
    return alive.annotate(is_current=ExpressionWrapper(Q(pk=current), output_field=BooleanField()))


def live_sessions(*, at: datetime, user_id: UUID | None = None) -> list[LiveSession]:
    """Return the sessions of one user, or of all, that have not ended at `at`."""
    alive = _alive(at) if user_id is None else _alive(at).filter(user_id=user_id)
    return [
        LiveSession(
            id=session.pk,
            username=session.user.username,
            began_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.expires_at,
        )
        for session in alive.select_related("user").order_by("user__username", "created_at")
    ]


def _alive(at: datetime) -> QuerySet[Session]:
    return Session.objects.filter(revoked_at=None, expires_at__gt=at, last_used_at__gt=idle_since(at))
