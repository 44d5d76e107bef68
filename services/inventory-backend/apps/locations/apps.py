"""Where stock is, and the virtual places it comes from and goes to."""

from django.apps import AppConfig


class LocationsConfig(AppConfig):
    """Where Django finds this domain."""

    name = "apps.locations"
    label = "locations"
