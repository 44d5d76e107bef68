"""Who holds which role where."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from apps.common.db import rows

_HELD: Final = """
SELECT r.code, u.username, l.code, b.valid_from, b.valid_until
FROM rbac_binding b
JOIN rbac_role r ON r.id = b.role_id
JOIN identity_user u ON u.id = b.user_id
LEFT JOIN locations_location l ON l.id = b.location_id
WHERE (b.valid_until IS NULL OR %(at)s < b.valid_until)
    AND (%(user)s::uuid IS NULL OR u.id = %(user)s) AND (%(role)s::text IS NULL OR r.code = %(role)s)
ORDER BY r.code, u.username, l.code NULLS FIRST
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A role that a user holds or is going to hold; no location is everywhere."""

    role: str
    username: str
    location: str | None
    valid_from: datetime | None
    valid_until: datetime | None


def roles_held(*, at: datetime, user_id: UUID | None = None, role_code: str | None = None) -> list[Held]:
    """Return who holds which role where, of one user or one role or all, at `at` or later."""
    return [
        Held(role=role, username=username, location=location, valid_from=start, valid_until=end)
        for role, username, location, start, end in rows(_HELD, {"at": at, "user": user_id, "role": role_code})
    ]
