"""Who holds which role, where and for how long."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.common.errors import Conflict, Invalid, NotFound
from apps.identity.actions.administrators import keeping_an_administrator
from apps.identity.actions.delegation import require_held
from apps.identity.models import Group, User
from apps.identity.permissions import MANAGE_ROLES
from audit import Event, Origin
from audit.django import actions as trail
from rbac import Grant, Grants
from rbac.django import actions as rbac
from rbac.django.models import Binding, Role


class AlreadyBound(Conflict):
    """The role is held at this place already."""

    code = "already_bound"
    title = "Already bound"


@transaction.atomic
def bind_role(  # noqa: PLR0913  (the columns of a binding)
    subject: User | Group,
    role: Role,
    *,
    location_id: UUID | None,
    valid_from: datetime | None,
    valid_until: datetime | None,
    caller: Grants,
    origin: Origin,
) -> Binding:
    """Give a user or a group a role from a location downwards, or everywhere for None.

    Raises `Invalid` for dates in which it never holds, `BeyondOwnGrants` unless the author holds all that the role
    allows at that place and for as long, and `AlreadyBound`.
    """
    if valid_until is not None and valid_until <= max(valid_from or origin.at, origin.at):
        raise Invalid.at("#/valid_until", "ends_before_it_begins", "Send a time after valid_from and after now.")
    rbac.lock_grants()
    # What the role says now, not when the request began.
    role = Role.objects.get(pk=role.pk)
    handed = Grant(frozenset(role.permissions), location_id, valid_until)
    require_held([handed], permission=MANAGE_ROLES, location_id=location_id, caller=caller, origin=origin)
    is_group = isinstance(subject, Group)
    try:
        binding = rbac.bind(
            user_id=None if is_group else subject.pk,
            group_id=subject.pk if is_group else None,
            role_code=role.code,
            location_id=location_id,
            valid_from=valid_from,
            valid_until=valid_until,
        )
    except rbac.AlreadyBound as error:
        raise AlreadyBound("This role is held there already. End that binding to change its dates.") from error
    _record("role.granted", binding, role, origin)
    return binding


@transaction.atomic
def unbind_role(binding: Binding, *, caller: Grants, origin: Origin) -> None:
    """End a binding now; with the next request it no longer counts.

    Raises `BeyondOwnGrants` unless the author holds all that it allows, `NotFound` where it ended meanwhile, and
    `LastAdministrator`.
    """
    rbac.lock_grants()
    current = Binding.objects.filter(pk=binding.pk).select_related("role").first()
    if current is None:
        raise NotFound
    handed = Grant(frozenset(current.role.permissions), current.location_id, current.valid_until)
    # An ended binding allows nothing any more: whoever manages roles there may tidy up.
    still = [] if current.valid_until is not None and current.valid_until <= origin.at else [handed]
    require_held(still, permission=MANAGE_ROLES, location_id=current.location_id, caller=caller, origin=origin)
    with keeping_an_administrator(at=origin.at):
        Binding.objects.filter(pk=current.pk).delete()
    _record("role.revoked", current, current.role, origin)


@transaction.atomic
def grant_role(*, user: User, role_code: str, location_id: UUID | None, origin: Origin) -> None:
    """Bind a user to a role, for commands: who runs them owns the database, and no grant of theirs is asked for."""
    rbac.lock_grants()
    binding = rbac.bind(user_id=user.pk, role_code=role_code, location_id=location_id)
    _record("role.granted", binding, binding.role, origin)


@transaction.atomic
def revoke_role(*, user: User, role_code: str, location_id: UUID | None, origin: Origin) -> bool:
    """Take a role from a user where it was bound, for commands, and return whether it was.

    Raises `LastAdministrator`.
    """
    rbac.lock_grants()
    bound = Binding.objects.filter(user=user, role__code=role_code, location_id=location_id)  # type: ignore[misc]  # None asks for IS NULL
    binding = bound.select_related("role").first()
    if binding is None:
        return False
    with keeping_an_administrator(at=origin.at):
        Binding.objects.filter(pk=binding.pk).delete()
    _record("role.revoked", binding, binding.role, origin)
    return True


def _record(action: str, binding: Binding, role: Role, origin: Origin) -> None:
    facts = {
        "role": role.code,
        "location": str(binding.location_id) if binding.location_id else None,
        "valid_from": binding.valid_from,
        "valid_until": binding.valid_until,
    }
    kind, subject = ("group", binding.group_id) if binding.group_id else ("user", binding.user_id)
    is_over = action == "role.revoked"
    event = Event(
        action=action,
        object_type=kind,
        object_id=str(subject),
        before=facts if is_over else None,
        after=None if is_over else facts,
    )
    trail.record(event, origin=origin)
