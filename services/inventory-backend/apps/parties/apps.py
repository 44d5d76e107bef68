"""Whom we deal with, and whose stock it is."""

from django.apps import AppConfig


class PartiesConfig(AppConfig):
    name = "apps.parties"
    label = "parties"
