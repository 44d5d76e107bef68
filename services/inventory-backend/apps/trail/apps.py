"""The audit trail as people see it: read, verified, proved, exported. Its rows are the library's."""

from django.apps import AppConfig


class TrailConfig(AppConfig):
    """Where Django finds this app."""

    name = "apps.trail"
    label = "trail"
