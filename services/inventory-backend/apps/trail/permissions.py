"""This domain's permissions."""

from rbac import registry

VIEW = registry.register("audit.view", "Read, verify and prove the audit trail; held everywhere, or not at all.")
