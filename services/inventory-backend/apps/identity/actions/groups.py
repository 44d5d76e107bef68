"""Groups and who is in them: whoever joins a group gets all that is bound to it."""

from collections.abc import Mapping

from django.db import transaction

from apps.common import records
from apps.common.errors import Conflict, Duplicate, InUse, NotFound
from apps.identity.actions.administrators import keeping_an_administrator
from apps.identity.actions.delegation import require_held
from apps.identity.models import Group, GroupMember, User
from apps.identity.permissions import MANAGE_USERS
from audit import Event, Origin
from audit.django import actions as trail
from rbac import Grants, handed_over
from rbac.django.actions import lock_grants
from rbac.django.models import Binding
from rbac.django.queries import held_in


class AlreadyMember(Conflict):
    """The user is in the group."""

    code = "already_member"
    title = "Already a member"


@transaction.atomic
def create_group(*, code: str, name: str, caller: Grants, origin: Origin) -> Group:
    """Make a group without members and without roles; raises `Duplicate` where the code is taken."""
    _require_manager(None, caller=caller, origin=origin)
    _require_free(code)
    return records.create(Group(code=code, name=name), noun="group", origin=origin)


@transaction.atomic
def change_group(group: Group, *, changes: Mapping[str, object], caller: Grants, origin: Origin) -> Group:
    """Rename the version of a group that was read; raises `StaleVersion` and `Duplicate`."""
    _require_manager(group, caller=caller, origin=origin)
    if "code" in changes and changes["code"] != group.code:
        _require_free(str(changes["code"]))
    return records.change(group, changes, noun="group", origin=origin)


@transaction.atomic
def delete_group(group: Group, *, caller: Grants, origin: Origin) -> None:
    """Delete the version of a group that was read, without members and bindings; else raises `InUse`."""
    _require_manager(group, caller=caller, origin=origin)
    is_bound = Binding.objects.filter(group=group).exists()
    if is_bound or GroupMember.objects.filter(group=group).exists():
        raise InUse("This group has members or roles. Remove them first.")
    records.delete(group, noun="group", origin=origin)


@transaction.atomic
def add_member(group: Group, user: User, *, caller: Grants, origin: Origin) -> None:
    """Let a user join, who then holds all that is bound to the group.

    Raises `BeyondOwnGrants` unless the author holds all of it as well, and `AlreadyMember`.
    """
    _require_manager(group, caller=caller, origin=origin)
    if GroupMember.objects.filter(group=group, user=user).exists():
        raise AlreadyMember(f"{user.username} is in {group.code} already.")
    GroupMember.objects.create(group=group, user=user)
    _record("group.member_added", group, origin, after={"user": str(user.pk)})


@transaction.atomic
def remove_member(group: Group, user: User, *, caller: Grants, origin: Origin) -> None:
    """Let a user leave.

    Raises `BeyondOwnGrants` as `add_member` does, `NotFound` for who is not in it, and `LastAdministrator`.
    """
    _require_manager(group, caller=caller, origin=origin)
    with keeping_an_administrator(at=origin.at):
        gone, _ = GroupMember.objects.filter(group=group, user=user).delete()
    if not gone:
        raise NotFound
    _record("group.member_removed", group, origin, before={"user": str(user.pk)})


def _require_manager(group: Group | None, *, caller: Grants, origin: Origin) -> None:
    """Refuse who does not manage users everywhere, or does not hold all that is bound to the group."""
    lock_grants()
    bindings = held_in(Binding.objects.filter(group=group)) if group else []
    handed = handed_over(bindings, at=origin.at)
    require_held(handed, permission=MANAGE_USERS, location_id=None, caller=caller, origin=origin)


def _require_free(code: str) -> None:
    # Nobody else makes a group meanwhile: the lock is held.
    if Group.objects.filter(code=code).exists():
        raise Duplicate(f"There is a group {code} already.")


def _record(
    action: str,
    group: Group,
    origin: Origin,
    *,
    before: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
) -> None:
    event = Event(action=action, object_type="group", object_id=str(group.pk), before=before, after=after)
    trail.record(event, origin=origin)
