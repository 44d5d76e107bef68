"""The events in the one order that they are sealed in: by epoch, transaction and seq."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.db import connection

from audit._canonical import leaf_of
from audit._merkle import Hash, leaf_hash

type Horizon = tuple[int, int]  # (epoch, xid): below it nothing can appear any more

BEGINNING: Final[Horizon] = (-(1 << 15), 0)
_CHUNK: Final = 5_000
_INSTANT: Final = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
# In words that no setting of a session changes: a row has one spelling.
_SPELLED: Final = {
    "seq": "seq",
    "epoch": "epoch",
    "xid": "xid::text",
    "id": "id::text",
    "at": _INSTANT.format("at"),
    "occurred_at": _INSTANT.format("occurred_at"),
    "actor_id": "actor_id::text",
    "on_behalf_of": "on_behalf_of::text",
    "session_id": "session_id::text",
    "ip": "ip::text",
    "request_id": "request_id",
    "action": "action",
    "object_type": "object_type",
    "object_id": "object_id",
    "before": "before::text",
    "after": "after::text",
    "reason": "reason",
}
_NAMES: Final = tuple(_SPELLED)
# What is below this horizon is complete as soon as the statement has run.
HORIZON: Final = "SELECT audit_epoch(), pg_snapshot_xmin(pg_current_snapshot())::text, clock_timestamp()"
# With the table's name, since `xid` alone is the text that is selected, in which 1000 comes before 999.
_ORDER: Final = "ORDER BY audit_event.epoch, audit_event.xid, audit_event.seq"
_SELECT: Final = f"SELECT {', '.join(_SPELLED.values())} FROM audit_event"  # noqa: S608  (constants)  # nosec B608
_FROM: Final = f"{_SELECT} WHERE (epoch, xid) >= (CAST(%s AS smallint), %s::xid8) {{below}} {_ORDER} LIMIT {{chunk}}"
_AFTER: Final = (
    f"{_SELECT} WHERE (epoch, xid, seq) > (CAST(%s AS smallint), %s::xid8, %s::bigint) {{below}} {_ORDER}"
    " LIMIT {chunk}"
)
_BELOW: Final = "AND (epoch, xid) < (CAST(%s AS smallint), %s::xid8)"
_NTH: Final = f"{_SELECT} WHERE (epoch, xid) >= (CAST(%s AS smallint), %s::xid8) {_ORDER} OFFSET %s LIMIT %s"
_ONE: Final = f"{_SELECT} WHERE seq = %s"


@dataclass(frozen=True)
class Leaf:
    """An event as the tree commits to it."""

    columns: dict[str, Any]

    @property
    def seq(self) -> int:
        """Return the event's number."""
        return int(self.columns["seq"])

    @property
    def transaction(self) -> Horizon:
        """Return the event's epoch and transaction."""
        return int(self.columns["epoch"]), int(self.columns["xid"])

    @cached_property
    def content(self) -> bytes:
        """Return what is hashed."""
        return leaf_of(self.columns)

    @property
    def hash(self) -> Hash:
        """Return its hash."""
        return leaf_hash(self.content)


def leaves(
    since: Horizon = BEGINNING, *, after: Leaf | None = None, below: Horizon | None = None, chunk: int = _CHUNK
) -> Iterator[Leaf]:
    """Yield the events from a horizon on, or after one of them, in order, `chunk` of them at a time in memory."""
    bound = "" if below is None else _BELOW
    limits = [] if below is None else [below[0], str(below[1])]
    # The chunk is written out: a plan for any number of rows would sort all of them.
    while True:
        if after is None:
            found = _read(_FROM.format(below=bound, chunk=chunk), [since[0], str(since[1]), *limits])
        else:
            epoch, xid = after.transaction
            found = _read(_AFTER.format(below=bound, chunk=chunk), [epoch, str(xid), after.seq, *limits])
        yield from found
        if len(found) < chunk:
            return
        after = found[-1]


def leaves_at(since: Horizon, *, skip: int, count: int) -> list[Leaf]:
    """Return `count` events from a horizon on, without the first `skip`."""
    return _read(_NTH, [since[0], str(since[1]), skip, count])


def final(*, after: Leaf | None = None, chunk: int = _CHUNK) -> Iterator[Leaf]:
    """Yield the events that none can come before any more, from the first or after one of them on."""
    with connection.cursor() as cursor:
        cursor.execute(HORIZON)
        epoch, xmin, _ = cursor.fetchone()
    yield from leaves(after=after, below=(epoch, int(xmin)), chunk=chunk)


def leaf_with(seq: int) -> Leaf | None:
    """Return one event, or None."""
    return next(iter(_read(_ONE, [seq])), None)


def _read(statement: str, params: list[Any]) -> list[Leaf]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return [Leaf(dict(zip(_NAMES, row, strict=True))) for row in cursor.fetchall()]
