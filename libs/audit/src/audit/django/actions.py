"""The only writes to the audit trail.

They are statements written by hand because every writing transaction runs one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from uuid_utils.compat import uuid7

from audit import Event, Origin
from audit._canonical import canonical_json

_INSERT_ONE: Final = """
    INSERT INTO audit_event (
        occurred_at, actor_id, on_behalf_of, session_id, ip, request_id, reason,
        id, action, object_type, object_id, before, after
    )
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

# PostgreSQL numbers the rows in the order of the array.
_INSERT_MANY: Final = """
    INSERT INTO audit_event (
        occurred_at, actor_id, on_behalf_of, session_id, ip, request_id, reason,
        id, action, object_type, object_id, before, after
    )
    SELECT %s, %s, %s, %s, %s, %s, %s, id, action, object_type, object_id, before, after
    FROM ROWS FROM (
        jsonb_to_recordset(%s) AS (
            id uuid, action text, object_type text, object_id text, before jsonb, after jsonb
        )
    ) WITH ORDINALITY AS event (id, action, object_type, object_id, before, after, position)
    ORDER BY position
"""


class NotInTransaction(RuntimeError):
    """An event was recorded outside a transaction, where it could outlive or miss its change."""

    def __init__(self) -> None:
        super().__init__("Record an event inside transaction.atomic(), together with the change it tells of.")


def record(event: Event, *, origin: Origin) -> None:
    """Add one event to the transaction that runs, with one INSERT.

    Raises:
        NotInTransaction: no transaction runs on the default connection.
        TypeError, ValueError: `before` or `after` holds what has no canonical spelling as JSON.
    """
    _require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT_ONE,
            (
                *_origin_values(origin),
                uuid7(),
                event.action,
                event.object_type,
                event.object_id,
                _state(event.before),
                _state(event.after),
            ),
        )


def record_many(events: Sequence[Event], *, origin: Origin) -> None:
    """Add events of one origin in their order, with one INSERT; with none when there are no events.

    Raises:
        NotInTransaction: no transaction runs on the default connection.
        TypeError, ValueError: `before` or `after` holds what has no canonical spelling as JSON.
    """
    _require_transaction()
    if not events:
        return
    rows = [
        {
            "id": uuid7(),
            "action": event.action,
            "object_type": event.object_type,
            "object_id": event.object_id,
            "before": event.before,
            "after": event.after,
        }
        for event in events
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_MANY, (*_origin_values(origin), canonical_json(rows)))


def _require_transaction() -> None:
    if not connection.in_atomic_block:
        raise NotInTransaction


def _origin_values(origin: Origin) -> tuple[datetime | UUID | str | None, ...]:
    return (
        origin.at,
        origin.actor_id,
        origin.on_behalf_of,
        origin.session_id,
        origin.ip,
        origin.request_id,
        origin.reason,
    )


def _state(state: Mapping[str, Any] | None) -> str | None:
    return None if state is None else canonical_json(state)
