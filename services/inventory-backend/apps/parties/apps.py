"""Whom we deal with, and whose stock it is."""

from django.apps import AppConfig


class PartiesConfig(AppConfig):
    """Where Django finds this domain."""

    name = "apps.parties"
    label = "parties"
