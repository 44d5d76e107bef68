"""Forwarding: final events go to a sink in the order of their seals, and where it stands is kept in the database.

An event may come twice, after a crash or where a sink died before it said that it has a batch; none is left out.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from django.db import connection, transaction
from django.db.models.functions import Now

from audit import Line, Sink, is_grave
from audit.django.leaves import Leaf, final
from audit.django.models import Position

BATCH: Final = 500
_LOCK: Final = 4806


@transaction.atomic
def forward(sink: Sink, *, name: str, spell: Callable[[dict[str, Any]], str]) -> int:
    """Send a sink what it has not got, at most `BATCH` events; return how many, 0 where another process sends just now.

    `name` is what the sink's position is kept under; `spell` writes an event's columns as the sink reads them.

    Raises:
        NotDelivered: the sink did not say that it has them; they come again.
    """
    if not _is_ours():
        return 0
    position = Position.objects.filter(sink=name).first()
    after = None if position is None else Leaf({"epoch": position.epoch, "xid": position.xid, "seq": position.seq})
    batch = list(islice(final(after=after, chunk=BATCH), BATCH))
    if not batch:
        return 0
    sink.deliver([_line(leaf.columns, spell) for leaf in batch])
    # Only now does this transaction write: until here it holds no seal back, however slow the sink is.
    last = batch[-1]
    epoch, xid = last.transaction
    Position.objects.update_or_create(
        sink=name, defaults={"epoch": epoch, "xid": xid, "seq": last.seq, "moved_at": Now()}
    )
    return len(batch)


def _line(columns: dict[str, Any], spell: Callable[[dict[str, Any]], str]) -> Line:
    action = columns["action"]
    return Line(text=spell(columns), at=columns["at"], action=action, is_grave=is_grave(action))


def _is_ours() -> bool:
    """Tell whether this transaction is the only one that forwards."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])
