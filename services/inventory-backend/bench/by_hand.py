"""The floor of a batch: one statement by hand that moves the same balances and inserts the same postings.

It resolves nothing, checks no permission, promises no retry and answers nothing; the constraints and triggers
of the tables hold for it as for everybody.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

_PLACES: Final = """
SELECT i.id AS item, i.base_unit_id AS unit, s.location_id AS source, s.id AS source_balance,
    t.location_id AS target, t.id AS target_balance
FROM catalog_item i
JOIN ledger_balance s ON s.item_id = i.id
JOIN locations_location sl ON sl.id = s.location_id AND sl.code = %(source)s
JOIN ledger_balance t ON t.item_id = i.id
JOIN locations_location tl ON tl.id = t.location_id AND tl.code = %(target)s
ORDER BY i.sku LIMIT %(lines)s
"""

_POST: Final = """
WITH entered AS (
    SELECT * FROM unnest(
        %(item)s::uuid[], %(unit)s::uuid[], %(source)s::uuid[], %(source_balance)s::uuid[],
        %(target)s::uuid[], %(target_balance)s::uuid[], %(quantity)s::numeric[]
    ) WITH ORDINALITY AS l (item, unit, source, source_balance, target, target_balance, quantity, n)
), leg AS (
    SELECT 2 * (n - 1) AS line, item, unit, source AS location, source_balance AS balance,
        -quantity AS change, quantity FROM entered
    UNION ALL
    SELECT 2 * (n - 1) + 1, item, unit, target, target_balance, quantity, quantity FROM entered
), txn AS (
    INSERT INTO ledger_transaction (
        id, sequence, kind, effective_at, recorded_at, actor_id, reason, reference, note, request_id
    ) VALUES (
        gen_random_uuid(), nextval('ledger_sequence'), 'transfer', now(), now(),
        '00000000-0000-0000-0000-000000000000', '', '', '', 'bench'
    ) RETURNING sequence, effective_at
), moved AS (
    UPDATE ledger_balance b
    SET on_hand = b.on_hand + leg.change, version = b.version + 1, last_sequence = txn.sequence
    FROM leg, txn WHERE b.id = leg.balance
    RETURNING b.id, b.on_hand, b.version, b.status
)
INSERT INTO ledger_posting (
    sequence, line, balance_id, item_id, location_id, status, quantity, balance_after, balance_version,
    effective_at, entered_quantity, entered_unit_id, factor_num, factor_den
)
SELECT txn.sequence, leg.line, leg.balance, leg.item, leg.location, moved.status, leg.change, moved.on_hand,
    moved.version, txn.effective_at, leg.quantity, leg.unit, 1, 1
FROM leg JOIN moved ON moved.id = leg.balance CROSS JOIN txn
"""


@dataclass(frozen=True, kw_only=True)
class _Places:
    """Where one line takes from and puts to, with the balances' ids."""

    item: UUID
    unit: UUID
    source: UUID
    source_balance: UUID
    target: UUID
    target_balance: UUID


def arrays_of(connection: Connection[Any], *, source: str, target: str, lines: int) -> Mapping[str, Sequence[object]]:
    """Return the parameters of one batch: a piece each of `lines` items from one bin to another."""
    with connection.cursor(row_factory=class_row(_Places)) as cursor:
        found = cursor.execute(_PLACES, {"source": source, "target": target, "lines": lines}).fetchall()
    columns = {name: [getattr(row, name) for row in found] for name in _Places.__dataclass_fields__}
    return {**columns, "quantity": [1] * len(found)}


def rate(connection: Connection[Any], arrays: Mapping[str, Sequence[object]], *, seconds: float) -> float:
    """Return the statements a second, each in its own transaction, one after the other.

    Raises:
        RuntimeError: A statement did not insert two postings for each line.
    """
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        inserted = connection.execute(_POST, arrays).rowcount
        connection.commit()
        if inserted != 2 * len(arrays["item"]):
            raise RuntimeError(f"The statement inserted {inserted} postings.")
        done += 1
    return done / (time.perf_counter() - started)
