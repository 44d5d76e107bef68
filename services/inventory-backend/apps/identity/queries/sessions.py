"""Sessions that somebody could still refresh."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from apps.common.db import rows

_LIVE: Final = """
SELECT t.family, u.username, min(t.created_at), max(t.created_at), max(t.expires_at)
FROM identity_refresh_token t JOIN identity_user u ON u.id = t.user_id
WHERE t.revoked_at IS NULL AND (%(user)s::uuid IS NULL OR u.id = %(user)s)
GROUP BY t.family, u.username
HAVING bool_or(t.used_at IS NULL AND t.expires_at > %(at)s)
ORDER BY u.username, min(t.created_at)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """A session: since when, when it was last refreshed, and until when it can be."""

    id: UUID
    username: str
    began_at: datetime
    refreshed_at: datetime
    expires_at: datetime


def live_sessions(*, at: datetime, user_id: UUID | None = None) -> list[LiveSession]:
    """Return the sessions of one user, or of all, that have not ended at `at`."""
    return [
        LiveSession(id=family, username=username, began_at=began, refreshed_at=refreshed, expires_at=expires)
        for family, username, began, refreshed, expires in rows(_LIVE, {"user": user_id, "at": at})
    ]
