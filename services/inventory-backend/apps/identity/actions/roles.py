"""Roles, and who holds them where."""

from uuid import UUID

from django.db import transaction

from apps.identity.actions.authority import about_to_widen
from apps.identity.models import User
from apps.identity.permissions import BUILTIN_ROLES
from audit import Event, Origin
from audit.django import actions as trail
from rbac.django.actions import bind, sync_builtin_roles
from rbac.django.models import Binding


@transaction.atomic
def grant_role(*, user: User, role_code: str, location_id: UUID | None, origin: Origin) -> None:
    """Bind a user to a role from a location downwards, or everywhere for None."""
    about_to_widen()
    bind(user_id=user.pk, role_code=role_code, location_id=location_id)
    after = {"role": role_code, "location": str(location_id) if location_id else None}
    event = Event(action="role.granted", object_type="user", object_id=str(user.pk), after=after)
    trail.record(event, origin=origin)


@transaction.atomic
def revoke_role(*, user: User, role_code: str, location_id: UUID | None, origin: Origin) -> bool:
    """Take a role from a user where it was bound, and return whether it was; the next request is without it."""
    bound = Binding.objects.filter(user=user, role__code=role_code, location_id=location_id)  # type: ignore[misc]  # None asks for IS NULL
    if not bound.delete()[0]:
        return False
    before = {"role": role_code, "location": str(location_id) if location_id else None}
    event = Event(action="role.revoked", object_type="user", object_id=str(user.pk), before=before)
    trail.record(event, origin=origin)
    return True


def sync_roles() -> None:
    """Make the built-in roles say what this version of the program says; part of every migration."""
    sync_builtin_roles(BUILTIN_ROLES)
