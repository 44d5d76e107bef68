"""Who holds which role where, in words for an operator."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from apps.common.db import rows
from apps.identity.queries.held import BOUND

_HOLDERS: Final = f"""
SELECT r.code, u.username, l.code, g.code, b.valid_from, b.valid_until
FROM identity_user u
CROSS JOIN LATERAL ({BOUND}) b
JOIN rbac_role r ON r.id = b.role_id
LEFT JOIN locations_location l ON l.id = b.location_id
LEFT JOIN identity_group g ON g.id = b.group_id
WHERE (b.valid_until IS NULL OR %(at)s < b.valid_until)
    AND (%(user)s::uuid IS NULL OR u.id = %(user)s) AND (%(role)s::text IS NULL OR r.code = %(role)s)
ORDER BY r.code, u.username, l.code NULLS FIRST, g.code NULLS FIRST
"""  # noqa: S608  (constants of ours)  # nosec B608


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A role that a user holds or is going to hold, through `group` if not directly; no location is everywhere."""

    role: str
    username: str
    location: str | None
    group: str | None
    valid_from: datetime | None
    valid_until: datetime | None


def holders(*, at: datetime, user_id: UUID | None = None, role_code: str | None = None) -> list[Holder]:
    """Return who holds which role where, of one user or one role or all, at `at` or later."""
    found = rows(_HOLDERS, {"at": at, "user": user_id, "role": role_code})
    return [
        Holder(role=role, username=username, location=location, group=group, valid_from=start, valid_until=end)
        for role, username, location, group, start, end in found
    ]
