"""This domain's permissions."""

from rbac import registry

VIEW = registry.register("parties.view", "See parties.")
EDIT = registry.register("parties.edit", "Create, change and archive parties.")
