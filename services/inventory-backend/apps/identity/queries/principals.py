"""Who is asking, and what they hold."""

from datetime import datetime
from uuid import UUID

from apps.common.db import rows
from apps.identity.queries.narrowing import MEETS_KEY, NARROWED_LOCATION, narrowed
from apps.identity.types import Bound, Principal
from rbac import Grant, Grants

# One statement for every request: the user, whether the session still lives, and what the user holds at `at`.
_PRINCIPAL = """
SELECT u.username, u.name, r.permissions, b.location_id
FROM identity_user u
LEFT JOIN rbac_binding b ON b.user_id = u.id
    AND (b.valid_from IS NULL OR b.valid_from <= %(at)s) AND (b.valid_until IS NULL OR %(at)s < b.valid_until)
LEFT JOIN rbac_role r ON r.id = b.role_id
WHERE u.id = %(user)s AND u.is_active
    AND EXISTS (SELECT FROM identity_refresh_token t WHERE t.family = %(session)s AND t.revoked_at IS NULL)
"""

_BINDINGS = f"""
SELECT r.code, r.permissions, k.permissions, l.id, l.code, l.name, b.valid_until
FROM rbac_binding b
JOIN rbac_role r ON r.id = b.role_id
LEFT JOIN identity_api_key k ON k.id = %(key)s
LEFT JOIN locations_location l ON l.id = {NARROWED_LOCATION}
WHERE b.user_id = %(user)s
    AND (b.valid_from IS NULL OR b.valid_from <= %(at)s) AND (b.valid_until IS NULL OR %(at)s < b.valid_until)
    AND {MEETS_KEY}
ORDER BY r.code, l.code NULLS FIRST
"""  # noqa: S608  (constants of ours)  # nosec B608


def principal(*, user_id: UUID, session_id: UUID, at: datetime) -> Principal | None:
    """Return the user as of `at` with all grants; None where the account is off or the session was ended."""
    found = rows(_PRINCIPAL, {"user": user_id, "session": session_id, "at": at})
    if not found:
        return None
    username, name, _, _ = found[0]
    grants = Grants(
        tuple(Grant(frozenset(codes), location_id) for _, _, codes, location_id in found if codes is not None)
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
        )
        for role, codes, key_codes, place, code, name, valid_until in found
    ]
    return [one for one in bound if one.permissions or key_id is None]
