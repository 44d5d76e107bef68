"""Who signs in, and what they may do."""

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    """Where Django finds this domain."""

    name = "apps.identity"
    label = "identity"
