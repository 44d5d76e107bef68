"""What is stocked: items, their units, lots and serials."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Where Django finds this domain."""

    name = "apps.catalog"
    label = "catalog"
