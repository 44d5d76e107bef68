"""API keys, and whom they stand for."""

from datetime import UTC, datetime
from typing import Final

from django.db.models import Q, QuerySet

from apps.common.db import rows
from apps.common.selectors import Selectors
from apps.identity import permissions
from apps.identity.models import ApiKey
from apps.identity.queries.held import BOUND, HOLDS
from apps.identity.queries.narrowing import MEETS_KEY, NARROWED_LOCATION, narrowed
from apps.identity.queries.users import users
from apps.identity.types import FoundKey, Principal
from rbac import Grant, Grants
from rbac.django.queries import within_subtree

# A key proves nothing about who sends it, so that no route that asks for a recent proof opens to one.
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
SELECTORS: Final = Selectors(noun="key", codes={"key": "prefix"})

# One statement for every request with a key: the key, its owner, and what the owner holds at `at` within the key.
_KEY = f"""
SELECT k.id, k.digest, k.networks, k.expires_at, k.revoked_at, k.last_used_at, k.permissions,
    u.id, u.username, u.name, u.is_active, r.permissions, {NARROWED_LOCATION}, b.valid_until
FROM identity_api_key k
JOIN identity_user u ON u.id = k.user_id
LEFT JOIN LATERAL ({BOUND}) b ON {HOLDS} AND {MEETS_KEY}
LEFT JOIN rbac_role r ON r.id = b.role_id
WHERE k.prefix = %(prefix)s
"""  # noqa: S608  (constants of ours)  # nosec B608


def find_key(*, prefix: str, at: datetime) -> FoundKey | None:
    """Return the key under a prefix, good or not, with the principal that it would make at `at`, in one query."""
    found = rows(_KEY, {"prefix": prefix, "at": at})
    if not found:
        return None
    key_id, digest, networks, expires_at, revoked_at, last_used_at, codes, user_id, username, name, active = found[0][
        :11
    ]
    bound = [
        Grant(narrowed(held, codes), location_id, until) for *_, held, location_id, until in found if held is not None
    ]
    grants = tuple(grant for grant in bound if grant.permissions)
    principal = Principal(
        pk=user_id,
        username=username,
        name=name,
        session_id=None,
        methods=frozenset(),
        authenticated_at=_NEVER,
        grants=Grants(grants),
        key_id=key_id,
    )
    return FoundKey(
        id=key_id,
        digest=bytes(digest),
        networks=tuple(networks),
        is_owner_active=active,
        expires_at=expires_at,
        revoked_at=revoked_at,
        last_used_at=last_used_at,
        principal=principal,
    )


def keys(*, caller: Principal, at: datetime) -> QuerySet[ApiKey]:
    """Return the keys that a caller may see: their own, and those of the users whose keys they manage.

    To a key, its own is itself. A key that is limited to a location out of the caller's sight is left out.
    """
    own = Q(user_id=caller.pk) if caller.key_id is None else Q(pk=caller.key_id)
    scope = caller.grants.scope(permissions.MANAGE_KEYS)
    seen = Q() if scope.everywhere else Q(location=None) | within_subtree(scope)
    managed = Q(seen, user__in=users(caller.grants, permissions.MANAGE_KEYS, at=at))
    return ApiKey.objects.filter(own | managed).select_related("user", "location")


def live_keys(*, at: datetime) -> Q:
    """Return the predicate of the keys that have neither expired nor been revoked."""
    return Q(revoked_at=None, expires_at__gt=at)
