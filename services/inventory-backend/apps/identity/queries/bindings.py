"""Roles, groups and who holds which role where."""

from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.db.models import QuerySet

from apps.common.selectors import Selectors
from apps.identity.models import Group, User
from rbac import Scope
from rbac.django.models import Binding, Role
from rbac.django.queries import within, within_subtree

GROUPS: Final = Selectors(noun="group", codes={"group": "code"})
ROLES: Final = Selectors(noun="role", codes={"role": "code"})
LOCATIONS: Final = Selectors(noun="location", codes={"loc": "code"}, has_refs=True)


def roles() -> QuerySet[Role]:
    """Return every role: what a role says is the same everywhere."""
    return Role.objects.all()


def groups() -> QuerySet[Group]:
    """Return every group; what is bound to it is for `bindings` to say."""
    return Group.objects.all()


def members(group: Group, *, among: QuerySet[User]) -> QuerySet[User]:
    """Return who is in a group, of the users whom a caller may see."""
    return among.filter(groups=group)


def bindings(scope: Scope) -> QuerySet[Binding]:
    """Return the bindings at the locations of a scope; those of the tenant's root are seen from everywhere alone."""
    return Binding.objects.filter(within(scope)).select_related("role", "user", "group", "location")


def places(scope: Scope) -> QuerySet[Any]:
    """Return the locations in a scope, for roles to be bound at and keys to be limited to."""
    model = apps.get_model(settings.RBAC_LOCATION_MODEL)
    found: QuerySet[Any] = model._default_manager.filter(within_subtree(scope, "pk"))  # noqa: SLF001  (Django's public name)
    return found
