"""Writes. Nothing else in the project changes a balance."""

from apps.ledger.actions.periods import close_period
from apps.ledger.actions.post import Preview, Refused, post_batch, post_transaction, preview_transaction
from apps.ledger.actions.refusals import AlreadyReversed, InsufficientStock, QuantityChanged
from apps.ledger.actions.reverse import NotReversible, reverse_transaction

__all__ = [
    "AlreadyReversed",
    "InsufficientStock",
    "NotReversible",
    "Preview",
    "QuantityChanged",
    "Refused",
    "close_period",
    "post_batch",
    "post_transaction",
    "preview_transaction",
    "reverse_transaction",
]
