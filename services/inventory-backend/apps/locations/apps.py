"""Where stock is, and the virtual places it comes from and goes to."""

from django.apps import AppConfig


class LocationsConfig(AppConfig):
    name = "apps.locations"
    label = "locations"
