"""What is answered about the books as a whole: closed periods, and whether the invariants hold."""

from collections.abc import Sequence

from msgspec import Struct

from apps.common.api.fields import IdOut, InstantOut, instant
from apps.ledger.models import Period
from apps.ledger.queries import Break


class PeriodShape(Struct, frozen=True, kw_only=True):
    """A closed period."""

    closed_until: InstantOut
    closed_at: InstantOut
    actor_id: IdOut
    reason: str


class BreakShape(Struct, frozen=True, kw_only=True):
    """One row that breaks an invariant."""

    invariant: str
    object: str
    id: str
    detail: str


class IntegrityShape(Struct, frozen=True, kw_only=True):
    """The trial balance; clean when nothing breaks."""

    is_clean: bool
    breaks: list[BreakShape]


def period_shapes(periods: Sequence[Period]) -> list[PeriodShape]:
    """Return closed periods as the API shows them."""
    return [
        PeriodShape(
            closed_until=instant(period.closed_until),
            closed_at=instant(period.closed_at),
            actor_id=str(period.actor_id),
            reason=period.reason,
        )
        for period in periods
    ]


def integrity_shape(breaks: Sequence[Break]) -> IntegrityShape:
    """Return the trial balance."""
    return IntegrityShape(
        is_clean=not breaks,
        breaks=[BreakShape(invariant=b.invariant, object=b.object, id=b.id, detail=b.detail) for b in breaks],
    )
