"""Whether what was written is final: transactions of other tests on this cluster hold the horizon back for a while."""

from django.db import connection

_IS_SETTLED = "SELECT NOT EXISTS (SELECT FROM audit_event WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()))"


def is_settled() -> bool:
    """Tell whether every event lies below the horizon."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_SETTLED)
        return bool(cursor.fetchone() == (True,))
