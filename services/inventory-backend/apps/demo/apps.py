"""A believable business to try the service on."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Where Django finds this domain."""

    name = "apps.demo"
    label = "demo"
