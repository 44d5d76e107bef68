"""The invariants of the ledger, each as a query for what breaks it; written apart from the integrity report."""

from typing import Final

from apps.common.db import rows

BREAKS: Final = {
    "I1": """
        SELECT sequence, item_id FROM ledger_posting
        GROUP BY sequence, item_id, lot_id, serial_id HAVING sum(quantity) <> 0
    """,
    "I2": """
        SELECT b.id FROM ledger_balance b LEFT JOIN ledger_posting p ON p.balance_id = b.id
        GROUP BY b.id HAVING b.on_hand <> coalesce(sum(p.quantity), 0)
            OR b.on_hand <> coalesce((array_agg(p.balance_after ORDER BY p.balance_version DESC))[1], 0)
    """,
    "I2 running": """
        SELECT * FROM (
            SELECT balance_id, balance_after,
                sum(quantity) OVER (PARTITION BY balance_id ORDER BY balance_version) AS total
            FROM ledger_posting WHERE balance_id IS NOT NULL
        ) AS running WHERE balance_after <> total
    """,
    "I3": """
        SELECT b.id FROM ledger_balance b LEFT JOIN ledger_posting p ON p.balance_id = b.id
        GROUP BY b.id HAVING b.version <> count(p.balance_id) OR b.version <> coalesce(max(p.balance_version), 0)
    """,
    "I4": "SELECT item_id FROM ledger_posting GROUP BY item_id HAVING sum(quantity) <> 0",
    "I5": """
        SELECT id FROM ledger_balance
        WHERE NOT allows_negative AND (on_hand < 0 OR held < 0 OR held > on_hand)
    """,
    "I12": """
        SELECT serial_id FROM ledger_balance WHERE serial_id IS NOT NULL
        GROUP BY serial_id HAVING sum(on_hand) NOT IN (0, 1) OR count(*) FILTER (WHERE on_hand <> 0) > 1
    """,
    "recorded in order": """
        SELECT sequence FROM (
            SELECT sequence, recorded_at, lag(recorded_at) OVER (ORDER BY sequence) AS earlier FROM ledger_transaction
        ) AS told WHERE recorded_at < earlier
    """,
}


def broken() -> dict[str, int]:
    """Return how many rows break each invariant; empty is good."""
    found = {name: len(rows(query, [])) for name, query in BREAKS.items()}
    return {name: count for name, count in found.items() if count}
