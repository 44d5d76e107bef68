"""Refused requests: counted as they happen, and told of in the trail, never faster than it can bear.

Nobody may delete from the trail, and anybody may be refused. So requests that are refused alike share a row of a small
table, and what has gathered there becomes events at a bounded rate: a stranger makes numbers grow, and fills no disk.
"""

import hashlib
from typing import Any, Final

from django.db import connection

from audit import Origin, Refusal

MOST_COUNTED: Final = 1_000
_COUNT: Final = """
    WITH room AS (
        SELECT EXISTS (SELECT FROM audit_refusal WHERE digest = %(own)s)
            OR (SELECT count(*) FROM audit_refusal) < %(most)s AS is_left
    )
    INSERT INTO audit_refusal AS r (
        digest, count, occurred_at, last_at, actor_id, session_id, ip, request_id,
        action, operation, status, code, reason, account_id
    )
    SELECT
        CASE WHEN is_left THEN %(own)s::bytea ELSE %(common)s::bytea END, 1, %(at)s::timestamptz, %(at)s::timestamptz,
        CASE WHEN is_left THEN %(actor)s::uuid END, CASE WHEN is_left THEN %(session)s::uuid END,
        CASE WHEN is_left THEN %(ip)s::inet END, CASE WHEN is_left THEN %(request)s::text ELSE '' END,
        %(action)s, CASE WHEN is_left THEN %(operation)s::text ELSE 'many' END, %(status)s, %(code)s, %(reason)s,
        CASE WHEN is_left THEN %(account)s::uuid END
    FROM room
    ON CONFLICT (digest) DO UPDATE SET count = r.count + 1, last_at = greatest(r.last_at, excluded.last_at)
"""
_TELL: Final = """
    WITH told AS (
        DELETE FROM audit_refusal WHERE digest IN (
            SELECT digest FROM audit_refusal ORDER BY occurred_at, digest LIMIT %s FOR UPDATE SKIP LOCKED
        )
        RETURNING *
    )
    INSERT INTO audit_event (
        id, occurred_at, actor_id, session_id, ip, request_id, action, object_type, object_id, after, reason
    )
    SELECT gen_random_uuid(), occurred_at, actor_id, session_id, ip, request_id, action, 'operation', operation,
        jsonb_strip_nulls(jsonb_build_object(
            'status', status, 'code', code, 'count', count, 'account', account_id,
            'last_at', to_char(last_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        )),
        reason
    FROM told ORDER BY occurred_at, digest
"""


def count_refusal(refusal: Refusal, *, origin: Origin) -> None:
    """Count a refused request with those like it; with one INSERT, which needs no transaction.

    Where a thousand different ones wait, further ones are counted by action, code and reason alone.
    """
    kind = (refusal.action, str(refusal.status), refusal.code, refusal.reason)
    who = (refusal.operation, str(refusal.account_id), str(origin.actor_id), str(origin.session_id), str(origin.ip))
    values: dict[str, Any] = {
        "own": _digest(*kind, *who),
        "common": _digest(*kind),
        "most": MOST_COUNTED,
        "at": origin.at,
        "actor": origin.actor_id,
        "session": origin.session_id,
        "ip": origin.ip,
        "request": origin.request_id,
        "action": refusal.action,
        "operation": refusal.operation,
        "status": refusal.status,
        "code": refusal.code,
        "reason": refusal.reason,
        "account": refusal.account_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)


def tell_of_refusals(*, most: int) -> int:
    """Turn what was counted into events of the trail, the oldest first and `most` of them; return how many.

    What is left goes on counting.
    """
    if most < 1:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_TELL, [most])
        return int(cursor.rowcount)


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
