"""Reads that others may rely on."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db.models import QuerySet

from apps.common.db import rows
from apps.common.selectors import Selectors
from apps.identity.models import Group, User
from apps.identity.types import Bound, Explained, Explanation, Principal
from rbac import Grant, Grants, Held, Scope, verdict_on
from rbac.django.models import Binding, Role
from rbac.django.queries import held_by, path_of, within, within_subtree

USERS: Final = Selectors(noun="user", codes={"user": "username"})
GROUPS: Final = Selectors(noun="group", codes={"group": "code"})
ROLES: Final = Selectors(noun="role", codes={"role": "code"})
LOCATIONS: Final = Selectors(noun="location", codes={"loc": "code"}, has_refs=True)

# What is bound to a user and to the user's groups: two look-ups by index, where one condition on both would read all.
_HELD = """
    SELECT id, role_id, location_id, group_id, valid_from, valid_until FROM rbac_binding WHERE user_id = u.id
    UNION ALL
    SELECT g.id, g.role_id, g.location_id, g.group_id, g.valid_from, g.valid_until
    FROM identity_group_member m JOIN rbac_binding g ON g.group_id = m.group_id WHERE m.user_id = u.id
"""
# One statement for every request: the user, whether the session still lives, and what the user holds at `at`.
_PRINCIPAL = f"""
SELECT u.username, u.name, r.permissions, b.location_id
FROM identity_user u
LEFT JOIN LATERAL ({_HELD}) b
    ON (b.valid_from IS NULL OR b.valid_from <= %(at)s) AND (b.valid_until IS NULL OR %(at)s < b.valid_until)
LEFT JOIN rbac_role r ON r.id = b.role_id
WHERE u.id = %(user)s AND u.is_active
    AND EXISTS (SELECT FROM identity_refresh_token t WHERE t.family = %(session)s AND t.revoked_at IS NULL)
"""  # noqa: S608  (made of constants)  # nosec B608

_BINDINGS = f"""
SELECT r.code, r.permissions, b.location_id, l.code, l.name, b.valid_until, b.group_id, g.code, g.name
FROM identity_user u
CROSS JOIN LATERAL ({_HELD}) b
JOIN rbac_role r ON r.id = b.role_id
LEFT JOIN locations_location l ON l.id = b.location_id
LEFT JOIN identity_group g ON g.id = b.group_id
WHERE u.id = %(user)s
    AND (b.valid_from IS NULL OR b.valid_from <= %(at)s) AND (b.valid_until IS NULL OR %(at)s < b.valid_until)
ORDER BY r.code, l.code NULLS FIRST, g.code NULLS FIRST
"""  # noqa: S608  (made of constants)  # nosec B608


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


def bindings_of(*, user_id: UUID, at: datetime) -> list[Bound]:
    """Return the roles that a user holds at `at`, and where, in one query."""
    return [
        Bound(
            role=role,
            permissions=frozenset(codes),
            location=None if place is None else (place, code, name),
            valid_until=valid_until,
            group=None if group is None else (group, group_code, group_name),
        )
        for role, codes, place, code, name, valid_until, group, group_code, group_name in rows(
            _BINDINGS, {"user": user_id, "at": at}
        )
    ]


def users() -> QuerySet[User]:
    """Return every user: the directory belongs to the tenant, not to a location."""
    return User.objects.all()


def roles() -> QuerySet[Role]:
    """Return every role: what a role says is the same everywhere."""
    return Role.objects.all()


def groups() -> QuerySet[Group]:
    """Return every group; what is bound to it is for `bindings` to say."""
    return Group.objects.all()


def members(group: Group) -> QuerySet[User]:
    """Return who is in a group."""
    return User.objects.filter(groups=group)


def bindings(scope: Scope) -> QuerySet[Binding]:
    """Return the bindings at the locations of a scope; those of the tenant's root are seen from everywhere alone."""
    return Binding.objects.filter(within(scope)).select_related("role", "user", "group", "location")


def places(scope: Scope) -> QuerySet[Any]:
    """Return the locations in a scope, for roles to be bound at."""
    model = apps.get_model(settings.RBAC_LOCATION_MODEL)
    found: QuerySet[Any] = model._default_manager.filter(within_subtree(scope, "pk"))  # noqa: SLF001  (Django's public name)
    return found


def explanation(user: User, *, permission: str, location: Any | None, scope: Scope, at: datetime) -> Explanation:
    """Return what each binding of a user says to: may they do this at the location (None: everywhere)?

    The asker sees roles within `scope`, which covers the location: what is bound elsewhere is left out outside of it.
    """
    held = held_by(user.pk)
    path = path_of(location.pk if location else None)
    seen = {place.pk: (place.pk, place.code, place.name) for place in _seen(held, scope)}
    names = {group.pk: (group.pk, group.code, group.name) for group in user.groups.all()}
    return Explanation(
        user=(user.pk, user.username, user.name),
        is_active=user.is_active,
        permission=permission,
        location=(location.pk, location.code, location.name) if location else None,
        bindings=tuple(
            Explained(
                held=each,
                verdict=verdict_on(each, permission=permission, path=path, at=at),
                is_above=each.location_id in path,
                group=names.get(each.group_id) if each.group_id else None,
                location=seen.get(each.location_id) if each.location_id else None,
            )
            for each in held
            if each.location_id is None or each.location_id in path or each.location_id in seen
        ),
        roles=tuple(roles().filter(permissions__contains=[permission]).order_by("code").values_list("code", flat=True)),
    )


def _seen(held: Iterable[Held], scope: Scope) -> QuerySet[Any]:
    return places(scope).filter(pk__in={each.location_id for each in held})
