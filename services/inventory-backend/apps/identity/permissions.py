"""This domain's permissions, and the roles that are built in."""

from collections.abc import Mapping
from typing import Final

from rbac import registry

VIEW_USERS = registry.register("identity.view_users", "See users and their roles.")
MANAGE_USERS = registry.register("identity.manage_users", "Create users and bind them to roles.")

_SEE = frozenset({"catalog.view", "locations.view", "parties.view", "ledger.view"})
_POST = frozenset({"ledger.post"})
_MASTER_DATA = frozenset({"catalog.edit", "locations.edit", "parties.edit"})

# code: (name, permissions). The codes are the domains'; the start-up check knows them all.
BUILTIN_ROLES: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "viewer": ("Viewer", _SEE),
    "counter": ("Counter", _SEE | _POST),
    "picker": ("Picker", _SEE | _POST),
    "receiver": ("Receiver", _SEE | _POST),
    "planner": ("Planner", _SEE | _MASTER_DATA),
    "warehouse-manager": ("Warehouse manager", _SEE | _POST | _MASTER_DATA | {"ledger.reverse"}),
    "auditor": ("Auditor", _SEE | {"ledger.audit", "audit.view", "identity.view_users"}),
    "administrator": (
        "Administrator",
        _SEE
        | _POST
        | _MASTER_DATA
        | {"ledger.reverse", "ledger.audit", "ledger.close_period", "audit.view"}
        | {"identity.view_users", "identity.manage_users"},
    ),
}
