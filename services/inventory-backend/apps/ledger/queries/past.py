"""What was there then (`as_of`), and what we knew then (`known_at`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.common.db import rows
from apps.common.errors import Conflict
from apps.ledger.models import Period


class NotSettledYet(Conflict):
    """Writers are still at work on numbers up to the one asked for."""

    code = "not_settled_yet"
    title = "Not settled yet"
    retry_after_seconds = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PointInTime:
    """Which past is asked for: what was there at `as_of`, as far as was known up to the sequence `known_to`."""

    as_of: datetime | None = None
    known_to: int | None = None

    @property
    def is_now(self) -> bool:
        """Tell whether the present is asked for."""
        return self.as_of is None and self.known_to is None


def periods() -> QuerySet[Period]:
    """Return the closed periods."""
    return Period.objects.all()


def settled_sequence() -> int:
    """Return the highest sequence up to which nothing can appear any more."""
    ((sequence,),) = rows("SELECT ledger_settled()", [])
    return int(sequence)


def known_at(at: datetime) -> int:
    """Return the highest sequence that was recorded at or before `at`.

    Raises `NotSettledYet` while a transaction that may have been recorded by then has not ended.
    """
    settled = settled_sequence()
    ((known, is_final),) = rows(
        """
        SELECT coalesce((SELECT max(sequence) FROM ledger_transaction WHERE recorded_at <= %(at)s), 0),
            %(at)s < clock_timestamp() AND NOT EXISTS (
                SELECT FROM ledger_sequence s WHERE s.is_called AND s.last_value > %(settled)s
            ) OR EXISTS (
                SELECT FROM ledger_transaction t WHERE t.recorded_at > %(at)s AND t.sequence <= %(settled)s
            )
        """,
        {"at": at, "settled": settled},
    )
    if not is_final:
        raise NotSettledYet("Transactions of that moment are still being written. Ask again in a second.")
    return int(known)


def require_settled(sequence: int) -> int:
    """Return `sequence`, or raise `NotSettledYet` where something may still appear at or before it."""
    if sequence > settled_sequence():
        raise NotSettledYet("Transactions up to that sequence are still being written, or do not exist yet.")
    return sequence


# Later postings taken off what is there now; from a closed period's snapshot where that is nearer.
_CURRENT_MINUS_LATER = """
SELECT b.id, b.on_hand - coalesce(sum(p.quantity), 0)
FROM ledger_balance b LEFT JOIN ledger_posting p ON p.balance_id = b.id AND p.effective_at > %(as_of)s
WHERE b.id = ANY(%(ids)s) GROUP BY b.id
"""
_FROM_SNAPSHOT = """
SELECT b.id, coalesce((
        SELECT s.quantity FROM ledger_balance_snapshot s WHERE s.balance_id = b.id AND s.as_of = %(snapshot)s
    ), 0) + coalesce(sum(p.quantity), 0)
FROM ledger_balance b LEFT JOIN ledger_posting p
    ON p.balance_id = b.id AND p.effective_at > %(snapshot)s AND p.effective_at <= %(as_of)s
WHERE b.id = ANY(%(ids)s) GROUP BY b.id
"""
_KNOWN = """
SELECT b.id, coalesce(sum(p.quantity), 0)
FROM ledger_balance b LEFT JOIN ledger_posting p
    ON p.balance_id = b.id AND p.sequence <= %(known_to)s
    AND (%(as_of)s::timestamptz IS NULL OR p.effective_at <= %(as_of)s)
WHERE b.id = ANY(%(ids)s) GROUP BY b.id
"""


def quantities_at(ids: Sequence[UUID], point: PointInTime) -> dict[UUID, Decimal]:
    """Return what was in these places at a point in time, with one query (and one to find the snapshot)."""
    params: dict[str, Any] = {"ids": list(ids), "as_of": point.as_of, "known_to": point.known_to}
    if point.known_to is not None:
        return dict(rows(_KNOWN, params))
    snapshot = _snapshot_before(point.as_of)
    if snapshot is None:
        return dict(rows(_CURRENT_MINUS_LATER, params))
    return dict(rows(_FROM_SNAPSHOT, {**params, "snapshot": snapshot}))


def _snapshot_before(as_of: datetime | None) -> datetime | None:
    """Return the nearest snapshot at or before `as_of`, unless the present is nearer."""
    closed = Period.objects.order_by("-closed_until").values_list("closed_until", flat=True).first()
    if as_of is None or closed is None or as_of > closed:
        return None
    before = Period.objects.filter(closed_until__lte=as_of).order_by("-closed_until")
    return before.values_list("closed_until", flat=True).first()
