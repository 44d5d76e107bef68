"""Roles that people compose, beside the built-in ones."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from apps.common.errors import Conflict, Duplicate, InUse, Invalid, Problem, StaleVersion
from apps.identity.actions.administrators import keeping_an_administrator
from apps.identity.actions.delegation import require_held
from apps.identity.permissions import BUILTIN_ROLES, MANAGE_ROLES
from audit import Event, Origin
from audit.django import actions as trail
from rbac import Grants, handed_by_a_role, registry
from rbac.django.actions import lock_grants, sync_builtin_roles
from rbac.django.models import Binding, Role
from rbac.django.queries import held_in


class BuiltinRole(Conflict):
    """A built-in role belongs to the program; make one of your own."""

    code = "builtin_role"
    title = "Built-in role"


@transaction.atomic
def create_role(*, code: str, name: str, permissions: Iterable[str], caller: Grants, origin: Origin) -> Role:
    """Make a role of permissions that the author holds everywhere.

    Raises `Invalid` for an unknown permission, `BeyondOwnGrants`, and `Duplicate` where the code is taken.
    """
    lock_grants()
    role = Role(code=code, name=name, permissions=_known(permissions))
    _require_change((), role, caller=caller, origin=origin)
    if Role.objects.filter(code=code).exists():
        raise Duplicate(f"There is a role {code} already.")
    role.save(force_insert=True)
    role.refresh_from_db()
    _record("role.created", role, origin, after=_facts(role))
    return role


@transaction.atomic
def change_role(role: Role, *, changes: Mapping[str, Any], caller: Grants, origin: Origin) -> Role:
    """Change the name or the permissions of the version of a role that was read, for all who hold it.

    Raises `BuiltinRole`, `StaleVersion`, `Invalid` for an unknown permission, and `BeyondOwnGrants` where a
    permission is added or removed that the author does not hold everywhere, for as long as the role is bound, and
    `LastAdministrator`.
    """
    current = _locked(role)
    before = _facts(current)
    for column, value in changes.items():
        setattr(current, column, _known(value) if column == "permissions" else value)
    _require_change(before["permissions"], current, caller=caller, origin=origin)
    current.version += 1
    current.updated_at = Now()
    with keeping_an_administrator(at=origin.at, pointer="#/permissions"):
        current.save()
    current.refresh_from_db()
    _record("role.changed", current, origin, before=before, after=_facts(current))
    return current


@transaction.atomic
def delete_role(role: Role, *, caller: Grants, origin: Origin) -> None:
    """Delete the version of a role that was read, which nobody holds.

    Raises `BuiltinRole`, `StaleVersion`, `InUse` and `BeyondOwnGrants`.
    """
    current = _locked(role)
    before = _facts(current)
    _require_change(before["permissions"], Role(permissions=[]), caller=caller, origin=origin)
    if Binding.objects.filter(role=current).exists():
        raise InUse("This role is bound. End its bindings first.")
    Role.objects.filter(pk=current.pk).delete()
    _record("role.deleted", role, origin, before=before)


def sync_roles() -> None:
    """Make the built-in roles say what this version of the program says; part of every migration."""
    sync_builtin_roles(BUILTIN_ROLES)


def _locked(role: Role) -> Role:
    lock_grants()
    current = Role.objects.filter(pk=role.pk, version=role.version).first()
    if current is None:
        raise StaleVersion("Somebody else changed this meanwhile. Read it again and decide anew.")
    if current.is_builtin:
        raise BuiltinRole(f"{role.code} is built in. Create a role of your own instead.")
    return current


def _require_change(before: Iterable[str], after: Role, *, caller: Grants, origin: Origin) -> None:
    bindings = held_in(Binding.objects.filter(role_id=after.pk))
    handed = handed_by_a_role(list(before), after.permissions, bindings=bindings, at=origin.at)
    require_held([handed], permission=MANAGE_ROLES, location_id=None, caller=caller, origin=origin)


def _known(permissions: Iterable[str]) -> list[str]:
    """Return the permissions in order, each once; raise `Invalid` for those that nothing checks."""
    given = list(permissions)
    known = [permission.code for permission in registry]
    problems = [
        Problem(pointer=f"#/permissions/{index}", code="unknown_permission", detail=_unknown(code, known))
        for index, code in enumerate(given)
        if code not in known
    ]
    if problems:
        raise Invalid.of(problems)
    return sorted(set(given))


def _unknown(code: str, known: list[str]) -> str:
    near = get_close_matches(code, known, n=1)
    return f"There is no permission {code!r}. " + (
        f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
    )


def _facts(role: Role) -> dict[str, Any]:
    return {"code": role.code, "name": role.name, "permissions": list(role.permissions)}


def _record(
    action: str,
    role: Role,
    origin: Origin,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    event = Event(action=action, object_type="role", object_id=str(role.pk), before=before, after=after)
    trail.record(event, origin=origin)
