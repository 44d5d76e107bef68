"""This domain's permissions."""

from rbac import registry

VIEW = registry.register("locations.view", "See locations.")
EDIT = registry.register("locations.edit", "Create, change, move and archive locations.")
