"""Closing the books."""

from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from apps.common.db import rows
from apps.common.errors import Conflict, Invalid
from audit import Event, Origin
from audit.django import actions as trail


class PeriodNotClosable(Conflict):
    """A period ends in the past, and after the one that was closed before it."""

    code = "period_not_closable"
    title = "The period cannot be closed"


@transaction.atomic
def close_period(*, until: datetime, reason: str, origin: Origin) -> None:
    """Let nothing become effective at or before `until` any more, and keep what was in each place then.

    This is final: what has to be corrected later is a posting in the open period.

    Raises `PeriodNotClosable` for an instant in the future, or in a period that is closed already, and `Invalid` for
    one that is in no year of UTC.
    """
    try:
        named = until.astimezone(UTC).isoformat()
    except OverflowError as error:
        raise Invalid.at("#/closed_until", "invalid", "Send an instant of the years 1 to 9999 in UTC.") from error
    ((closed,),) = rows("SELECT ledger_close_period(%s, %s, %s)", [until, origin.actor_id or UUID(int=0), reason])
    if closed is not None:
        since = "now" if closed.year == 1 else f"{closed.astimezone(UTC).isoformat()} and now"
        raise PeriodNotClosable.at("#/closed_until", "period_not_closable", f"Choose an instant between {since}.")
    event = Event(
        action="period.closed",
        object_type="period",
        object_id=named,
        after={"closed_until": until, "reason": reason},
    )
    trail.record(event, origin=origin)
