"""Users: which of them a caller may see, and what they hold."""

from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.common.db import rows
from apps.common.selectors import Selectors
from apps.identity.models import User
from rbac import Grant, Grants, Scope
from rbac.django.models import Binding
from rbac.django.queries import within_subtree

SELECTORS: Final = Selectors(noun="user", codes={"user": "username"})

# What a user holds or is going to hold.
_HELD = """
SELECT r.permissions, b.location_id
FROM rbac_binding b
JOIN rbac_role r ON r.id = b.role_id
WHERE b.user_id = %(user)s AND (b.valid_until IS NULL OR %(at)s < b.valid_until)
"""

_CONTAINED = """
SELECT c.descendant_id, c.ancestor_id FROM locations_location_closure c
WHERE c.ancestor_id = ANY(%(above)s::uuid[]) AND c.descendant_id = ANY(%(below)s::uuid[])
"""


def users(grants: Grants, permission: str, *, at: datetime) -> QuerySet[User]:
    """Return the users for whom a caller holds `permission`.

    Who holds it everywhere has it for all. Who holds it at some locations has it for those who hold or are going to
    hold a role in there, and for those who hold nothing anywhere.
    """
    scope = grants.scope(permission)
    if scope.everywhere:
        return User.objects.all()
    if not scope:
        return User.objects.none()
    held = Binding.objects.filter(Q(valid_until=None) | Q(valid_until__gt=at), user=OuterRef("pk"))
    return User.objects.filter(Exists(held.filter(within_subtree(scope))) | ~Exists(held))


def holdings(*, user_id: UUID, at: datetime) -> Grants:
    """Return what a user holds at `at` or is going to hold later, in one query."""
    found = rows(_HELD, {"user": user_id, "at": at})
    return Grants(tuple(Grant(frozenset(codes), location_id) for codes, location_id in found))


def not_covered(mine: Grants, theirs: Grants) -> list[str]:
    """Return the permissions of `theirs` that `mine` does not have wherever they hold it, with one query at most."""
    contained = _contained(_places(mine), _places(theirs))
    return [
        code for code in sorted(theirs.permissions()) if not _is_within(theirs.scope(code), mine.scope(code), contained)
    ]


def _is_within(inner: Scope, outer: Scope, contained: AbstractSet[tuple[UUID, UUID]]) -> bool:
    """Tell whether all of `inner` lies in `outer`; `contained` are pairs of a place and one that contains it."""
    if inner.everywhere or outer.everywhere:
        return outer.everywhere
    return all(any((place, above) in contained for above in outer.roots) for place in inner.roots)


def _places(grants: Grants) -> list[UUID]:
    return sorted({grant.location_id for grant in grants.items if grant.location_id is not None})


def _contained(above: list[UUID], below: list[UUID]) -> AbstractSet[tuple[UUID, UUID]]:
    if not above or not below:
        return frozenset()
    return frozenset(rows(_CONTAINED, {"above": above, "below": below}))
