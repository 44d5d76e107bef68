"""What a provider decides of its own users and groups by SCIM. Nobody else's are within its reach."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from apps.common.errors import Duplicate, Invalid
from apps.identity.actions.provided import sync_bindings
from apps.identity.actions.sessions import end_sessions
from apps.identity.models import Provider, ScimGroup, ScimMember, ScimUser, User
from audit import Event, Origin
from audit.django import actions as trail
from rbac.django.actions import lock_grants

_DECIDED: Final = ("username", "name", "is_active", "version", "updated_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What a provider says of somebody; `attributes` is all of it, as it is told again."""

    username: str
    name: str
    external_id: str
    is_active: bool
    attributes: Mapping[str, Any]


@transaction.atomic
def add_scim_user(provider: Provider, person: Person, *, origin: Origin) -> ScimUser:
    """Make a user without a password; one whom this provider deleted comes back as who they were.

    Raises `Duplicate` for a name that somebody else has: an account is never taken over by its name.
    """
    gone = ScimUser.objects.select_for_update(of=("self",)).filter(
        provider=provider, user__username__iexact=person.username, archived_at__isnull=False
    )
    row = gone.first()
    if row is None:
        user = User(id=uuid7(), username=person.username)
        user.set_unusable_password()
        row = ScimUser(provider=provider, user=user)
    row.archived_at = None
    _write_user(row, person)
    _record("scim_user.created", "user", row.user_id, provider, {"username": person.username}, origin)
    return row


@transaction.atomic
def change_scim_user(row: ScimUser, person: Person, *, origin: Origin) -> ScimUser:
    """Make a user what the provider says; who is not active any more has no session left. Raises `Duplicate`."""
    lock_grants()
    was_active = row.user.is_active
    row.version += 1
    _write_user(row, person)
    if not person.is_active:
        end_sessions(user_id=row.user_id, at=origin.at)
    after = {"username": person.username, "active": person.is_active, "was_active": was_active}
    _record("scim_user.changed", "user", row.user_id, row.provider, after, origin)
    return row


@transaction.atomic
def remove_scim_user(row: ScimUser, *, origin: Origin) -> None:
    """Switch a user off and take away what the provider gave; the trail goes on naming them."""
    lock_grants()
    User.objects.filter(pk=row.user_id).update(is_active=False, version=F("version") + 1, updated_at=Now())
    end_sessions(user_id=row.user_id, at=origin.at)
    row.memberships.all().delete()
    changed = sync_bindings(provider=row.provider, user=row.user, groups=())
    ScimUser.objects.filter(pk=row.pk).update(archived_at=origin.at, updated_at=Now())
    _record("scim_user.removed", "user", row.user_id, row.provider, changed, origin)


@transaction.atomic
def write_scim_group(
    row: ScimGroup, *, display_name: str, external_id: str, members: Collection[UUID], origin: Origin
) -> ScimGroup:
    """Make a group what the provider says, and give its members the roles that it gives.

    Raises `Invalid` for a member whom the provider did not make, `Duplicate` for a name that its other group has.
    """
    is_new = row._state.adding  # noqa: SLF001  (Django documents it)
    before = set() if is_new else _members(row)
    wanted = set(ScimUser.objects.filter(provider=row.provider, pk__in=members, archived_at=None))
    if len(wanted) != len(set(members)):
        raise Invalid.at("#/members", "unknown_member", "A member is not a user whom this client made.")
    row.display_name, row.external_id = display_name, external_id
    row.version += not is_new
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Duplicate(f"There is a group {display_name} already.") from error
    ScimMember.objects.filter(group=row).exclude(member__in=wanted).delete()
    ScimMember.objects.bulk_create(ScimMember(group=row, member=each) for each in wanted - before)
    ScimGroup.objects.filter(pk=row.pk).update(updated_at=Now())
    after = {"group": display_name, "members": len(wanted), **_synced(row.provider, before | wanted)}
    _record("scim_group.created" if is_new else "scim_group.changed", "scim_group", row.pk, row.provider, after, origin)
    row.refresh_from_db()
    return row


@transaction.atomic
def remove_scim_group(row: ScimGroup, *, origin: Origin) -> None:
    """Delete a group, and what it gave."""
    pk, members, provider = row.pk, _members(row), row.provider
    row.delete()
    _record("scim_group.removed", "scim_group", pk, provider, _synced(provider, members), origin)


def _write_user(row: ScimUser, person: Person) -> None:
    is_new = row.user._state.adding  # noqa: SLF001  (Django documents it)
    # As it is now, and no more of it than the provider decides: a password may have been replaced since it was read.
    user = row.user if is_new else User.objects.select_for_update().get(pk=row.user_id)
    user.username, user.name, user.is_active = person.username, person.name, person.is_active
    user.version += not is_new
    user.updated_at = Now()
    row.external_id, row.attributes = person.external_id, dict(person.attributes)
    try:
        with transaction.atomic():
            user.save(force_insert=is_new, update_fields=None if is_new else _DECIDED)
    except IntegrityError as error:
        raise Duplicate(f"There is a user {person.username} already.") from error
    user.refresh_from_db()
    row.user = user
    row.save()
    ScimUser.objects.filter(pk=row.pk).update(updated_at=Now())
    row.refresh_from_db()


def _members(row: ScimGroup) -> set[ScimUser]:
    return set(ScimUser.objects.filter(memberships__group=row))


def _synced(provider: Provider, members: Collection[ScimUser]) -> dict[str, Any]:
    """Give each member what all of their groups give; return what changed, by user."""
    changed: dict[str, Any] = {}
    for each in ScimUser.objects.filter(pk__in=[one.pk for one in members]).select_related("user"):
        names = each.memberships.values_list("group__display_name", flat=True)
        one = sync_bindings(provider=provider, user=each.user, groups=set(names))
        if one["granted"] or one["revoked"]:
            changed[str(each.user_id)] = one
    return {"roles": changed}


def _record(action: str, kind: str, pk: UUID, provider: Provider, after: Mapping[str, Any], origin: Origin) -> None:
    facts = {"provider": provider.code, **after}
    trail.record(Event(action=action, object_type=kind, object_id=str(pk), after=facts), origin=origin)
