"""Registered when rbac.django starts: nothing in the toy project imports this module."""

from rbac import registry

registry.register("stock.read", "See stock.")
registry.register("stock.post", "Post stock transactions.")
