"""This domain's permissions."""

from rbac import registry

VIEW = registry.register("catalog.view", "See items, units, lots and serials.")
EDIT = registry.register("catalog.edit", "Create, change and archive items, units, lots and serials.")
