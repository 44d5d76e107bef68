"""Whole files in and out."""

from django.apps import AppConfig


class DataioConfig(AppConfig):
    """Where Django finds this domain."""

    name = "apps.dataio"
    label = "dataio"
