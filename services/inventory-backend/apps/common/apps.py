"""What every domain leans on; it knows none of them."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    """Where Django finds this domain."""

    name = "apps.common"
    label = "common"
