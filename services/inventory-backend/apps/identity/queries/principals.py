"""Who is asking, and what they hold."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.common.db import rows
from apps.identity.models import Session
from apps.identity.queries.held import BOUND, HOLDS
from apps.identity.queries.narrowing import MEETS_KEY, NARROWED_LOCATION, narrowed
from apps.identity.queries.sessions import digest_of, idle_since
from apps.identity.types import Bound, Principal
from rbac import Grant, Grants

# One statement for every request: the user, whether the session still lives, and what the user holds at `at`.
_PRINCIPAL = f"""
SELECT u.id, u.username, u.name, s.id, s.methods, s.authenticated_at, s.last_used_at,
    r.permissions, b.location_id, b.valid_until
FROM identity_session s
JOIN identity_user u ON u.id = s.user_id
LEFT JOIN LATERAL ({BOUND}) b ON {HOLDS}
LEFT JOIN rbac_role r ON r.id = b.role_id
WHERE u.is_active AND s.revoked_at IS NULL AND s.expires_at > %(at)s AND s.last_used_at > %(idle)s
"""  # noqa: S608  (constants of ours)  # nosec B608
_BY_TOKEN = _PRINCIPAL + " AND s.id = %(session)s AND u.id = %(user)s AND s.cookie_digest IS NULL"
_BY_COOKIE = _PRINCIPAL + " AND s.cookie_digest = %(cookie)s"
# A browser's session is noted as used at most this often: a read should not cost a write each time.
_NOTED_EVERY = timedelta(minutes=5)

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
        grants=Grants(
            tuple(Grant(frozenset(codes), place, until) for *_, codes, place, until in found if codes is not None)
        ),
    )


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
