"""Are the books right?"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from django.db import transaction

from apps.common.db import rows


@dataclass(frozen=True, slots=True)
class Break:
    """One row that breaks an invariant of the ledger."""

    invariant: str
    object: str
    id: str
    detail: str


_INTEGRITY = (Path(__file__).parents[1] / "sql" / "integrity.sql").read_text()


def integrity() -> list[Break]:
    """Return the rows that break an invariant, at most a thousand; none means that the books are right.

    It reads every posting, in one statement and so on one snapshot: writers go on meanwhile.
    """
    with transaction.atomic():
        # A trial balance may take longer than any request of a client. It reads whole tables, and so soon after an
        # import that PostgreSQL may still think them empty: the joins are hashed whatever the statistics say.
        rows("SELECT set_config('statement_timeout', '600s', true), set_config('enable_nestloop', 'off', true)", [])
        return [Break(*row) for row in rows(_INTEGRITY, [])]


@dataclass(frozen=True, slots=True)
class RebuildDifference:
    """A balance that is not what its postings say: on hand and version, as stored and as they should be."""

    balance_id: UUID
    on_hand: Decimal
    version: int
    right_on_hand: Decimal
    right_version: int


def rebuild_differences() -> list[RebuildDifference]:
    """Return every balance that folding the postings anew would change."""
    found = rows(
        """
        SELECT b.id, b.on_hand, b.version, coalesce(sum(p.quantity), 0), count(p.balance_id)
        FROM ledger_balance b LEFT JOIN ledger_posting p ON p.balance_id = b.id
        GROUP BY b.id HAVING b.on_hand <> coalesce(sum(p.quantity), 0) OR b.version <> count(p.balance_id)
        ORDER BY b.id
        """,
        [],
    )
    return [RebuildDifference(*row) for row in found]
