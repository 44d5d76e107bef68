"""Writes to roles and bindings.

They record no audit event, because libraries do not know each other: the service's action that
calls one of these records it in the same transaction.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from difflib import get_close_matches
from uuid import UUID

from django.db import connection

from rbac import registry
from rbac.django.models import Binding, Role


class UnknownRole(LookupError):
    """There is no role with this code; `nearest` is the likeliest one, if any is close."""

    def __init__(self, code: str, *, nearest: str | None) -> None:
        hint = f"did you mean {nearest!r}?" if nearest else "were the built-in roles synchronised?"
        super().__init__(f"No role {code!r}; {hint}")
        self.code, self.nearest = code, nearest


class AlreadyBound(ValueError):
    """The user or group holds this role at this location already."""

    def __init__(self, *, role_code: str) -> None:
        super().__init__(f"{role_code!r} is held here already; end that binding to change its dates.")
        self.role_code = role_code


def lock_grants() -> None:
    """Let nobody else change who may do what until the end of the transaction.

    Two changes that are each fine can widen together: one adds somebody to a group while the other
    gives that group a role.  Whoever compares what a change hands out with what its author holds
    takes this lock first and reads both after it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('rbac_binding'))")


def hold_grants() -> None:
    """Let nobody change who may do what until the end of the transaction, beside others who hold it as well.

    For whoever decides by what somebody holds and changes none of it.  (A row lock would not do: the foreign keys of
    bindings are checked at COMMIT, and a role has many holders.)
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtext('rbac_binding'))")


def bind(
    *,
    role_code: str,
    location_id: UUID | None,
    user_id: UUID | None = None,
    group_id: UUID | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> Binding:
    """Give a user or a group a role from a location downwards; `None` is the tenant's root.

    It does not ask whether the caller may grant that much: whoever offers it to users must.

    Raises:
        UnknownRole: no role has this code.
        AlreadyBound: the role is held at this location, whatever its dates.
    """
    role = Role.objects.filter(code=role_code).first()
    if role is None:
        codes = Role.objects.values_list("code", flat=True)
        raise UnknownRole(role_code, nearest=next(iter(get_close_matches(role_code, codes, n=1)), None))
    binding, is_new = Binding.objects.get_or_create(
        # The stubs forget that None asks for IS NULL.
        user_id=user_id,  # type: ignore[misc]
        group_id=group_id,
        role=role,
        location_id=location_id,
        defaults={"valid_from": valid_from, "valid_until": valid_until},
    )
    if not is_new:
        raise AlreadyBound(role_code=role_code)
    return binding


def unbind(*, binding_ids: Collection[UUID]) -> None:
    """End bindings; one that is gone already is no error."""
    Binding.objects.filter(pk__in=binding_ids).delete()


def sync_builtin_roles(specs: Mapping[str, tuple[str, frozenset[str]]]) -> None:
    """Make the built-in roles say what `specs` says: code -> (name, permissions).

    Roles that `specs` does not name stay as they are.

    Raises:
        UnknownPermission: a role names a permission that no domain registered; nothing is written.
    """
    for _name, permissions in specs.values():
        for code in permissions:
            registry.get(code)
    Role.objects.bulk_create(
        (
            Role(code=code, name=name, permissions=sorted(permissions), is_builtin=True)
            for code, (name, permissions) in sorted(specs.items())
        ),
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["name", "permissions", "is_builtin"],
    )
