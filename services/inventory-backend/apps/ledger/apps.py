"""The stock ledger: the one place where quantities change."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """Where Django finds this domain."""

    name = "apps.ledger"
    label = "ledger"
