"""Reads that others may rely on, all within the caller's locations (I20)."""

from apps.ledger.queries.balance import balance_rows, balances, under_location
from apps.ledger.queries.level import LevelRow, LevelsWanted, levels
from apps.ledger.queries.past import (
    NotSettledYet,
    PointInTime,
    known_at,
    periods,
    quantities_at,
    require_settled,
    settled_sequence,
)
from apps.ledger.queries.transaction import is_within, legs_of, postings, transactions, visible_locations
from apps.ledger.queries.trial_balance import Break, RebuildDifference, integrity, rebuild_differences

__all__ = [
    "Break",
    "LevelRow",
    "LevelsWanted",
    "NotSettledYet",
    "PointInTime",
    "RebuildDifference",
    "balance_rows",
    "balances",
    "integrity",
    "is_within",
    "known_at",
    "legs_of",
    "levels",
    "periods",
    "postings",
    "quantities_at",
    "rebuild_differences",
    "require_settled",
    "settled_sequence",
    "transactions",
    "under_location",
    "visible_locations",
]
