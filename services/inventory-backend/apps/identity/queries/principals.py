"""Who is asking, and what they hold."""

from datetime import datetime
from uuid import UUID

from apps.common.db import rows
from apps.identity.queries.held import BOUND, HOLDS
from apps.identity.queries.narrowing import MEETS_KEY, NARROWED_LOCATION, narrowed
from apps.identity.types import Bound, Principal
from rbac import Grant, Grants

# One statement for every request: the user, whether the session still lives, and what the user holds at `at`.
_PRINCIPAL = f"""
SELECT u.username, u.name, r.permissions, b.location_id, b.valid_until
FROM identity_user u
LEFT JOIN LATERAL ({BOUND}) b ON {HOLDS}
LEFT JOIN rbac_role r ON r.id = b.role_id
WHERE u.id = %(user)s AND u.is_active
    AND EXISTS (SELECT FROM identity_refresh_token t WHERE t.family = %(session)s AND t.revoked_at IS NULL)
"""  # noqa: S608  (constants of ours)  # nosec B608

_BINDINGS = f"""
SELECT r.code, r.permissions, k.permissions, l.id, l.code, l.name, b.valid_until, g.id, g.code, g.name
FROM identity_user u
CROSS JOIN LATERAL ({BOUND}) b
JOIN rbac_role r ON r.id = b.role_id
LEFT JOIN identity_api_key k ON k.id = %(key)s
LEFT JOIN locations_location l ON l.id = {NARROWED_LOCATION}
LEFT JOIN identity_group g ON g.id = b.group_id
WHERE u.id = %(user)s AND {HOLDS} AND {MEETS_KEY}
ORDER BY r.code, l.code NULLS FIRST, g.code NULLS FIRST
"""  # noqa: S608  (constants of ours)  # nosec B608


def principal(*, user_id: UUID, session_id: UUID, at: datetime) -> Principal | None:
    """Return who acts in a session as of `at`, with one query; None if either is no longer good."""
    found = rows(_PRINCIPAL, {"user": user_id, "session": session_id, "at": at})
    if not found:
        return None
    username, name, *_ = found[0]
    grants = Grants(
        tuple(
            Grant(frozenset(codes), location_id, until)
            for _, _, codes, location_id, until in found
            if codes is not None
        )
    )
    return Principal(pk=user_id, username=username, name=name, session_id=session_id, grants=grants)


def bindings_of(*, user_id: UUID, at: datetime, key_id: UUID | None = None) -> list[Bound]:
    """Return the roles that a user holds at `at`, and where, in one query; with a key, what the key leaves of them."""
    found = rows(_BINDINGS, {"user": user_id, "at": at, "key": key_id})
    bound = [
        Bound(
            role=role,
            permissions=narrowed(codes, key_codes),
            location=None if place is None else (place, code, name),
            valid_until=valid_until,
            group=None if group is None else (group, group_code, group_name),
        )
        for role, codes, key_codes, place, code, name, valid_until, group, group_code, group_name in found
    ]
    return [one for one in bound if one.permissions or key_id is None]
