"""Roles bound at nodes of a tree: who may do what, where.

Permissions add up and are denied by default: there are no deny rules and no wildcards.  This
core knows neither Django nor a database; `rbac.django` stores the roles and bindings.
"""

from rbac._bindings import Held, Verdict, grants_from, handed_by_a_role, handed_over, verdict_on
from rbac._grants import Grant, Grants, Scope, is_active
from rbac._permissions import (
    DuplicatePermission,
    MalformedPermission,
    Permission,
    Registry,
    UnknownPermission,
    registry,
)

__all__ = [
    "DuplicatePermission",
    "Grant",
    "Grants",
    "Held",
    "MalformedPermission",
    "Permission",
    "Registry",
    "Scope",
    "UnknownPermission",
    "Verdict",
    "grants_from",
    "handed_by_a_role",
    "handed_over",
    "is_active",
    "registry",
    "verdict_on",
]
