"""This domain's permissions, and the roles that are built in."""

from collections.abc import Mapping
from typing import Final

from rbac import registry

VIEW_USERS = registry.register("identity.view_users", "See users and their roles.")
MANAGE_USERS = registry.register("identity.manage_users", "Create users and groups, and say who is in them.")
VIEW_ROLES = registry.register("identity.view_roles", "See roles and who holds them where.")
MANAGE_ROLES = registry.register("identity.manage_roles", "Make roles and bind them, within what one holds.")
MANAGE_KEYS = registry.register("identity.manage_keys", "See, make and revoke the API keys of others.")
MANAGE_PROVIDERS = registry.register("identity.manage_providers", "Decide where people may sign in.")
SCIM = registry.register("identity.scim", "Provision a provider's users and groups, with an API key made for it.")

_SEE = frozenset({"catalog.view", "locations.view", "parties.view", "ledger.view"})
_POST = frozenset({"ledger.post"})
_SEE_ACCESS = frozenset({VIEW_USERS, VIEW_ROLES})
_MANAGE_ACCESS = frozenset({MANAGE_USERS, MANAGE_ROLES, MANAGE_KEYS, MANAGE_PROVIDERS, SCIM})
_MASTER_DATA = frozenset({"catalog.edit", "locations.edit", "parties.edit"})

# code: (name, permissions). The codes are the domains'; the start-up check knows them all.
BUILTIN_ROLES: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "viewer": ("Viewer", _SEE),
    "counter": ("Counter", _SEE | _POST),
    "picker": ("Picker", _SEE | _POST),
    "receiver": ("Receiver", _SEE | _POST),
    "planner": ("Planner", _SEE | _MASTER_DATA),
    "warehouse-manager": ("Warehouse manager", _SEE | _POST | _MASTER_DATA | {"ledger.reverse"}),
    "auditor": ("Auditor", _SEE | _SEE_ACCESS | {"ledger.audit", "audit.view"}),
    "administrator": (
        "Administrator",
        _SEE
        | _SEE_ACCESS
        | _MANAGE_ACCESS
        | _POST
        | _MASTER_DATA
        | {"ledger.reverse", "ledger.audit", "ledger.close_period", "audit.view"},
    ),
}
