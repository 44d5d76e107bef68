"""One effect per idempotency key, whatever the network does (api.md 6).

The key is claimed by an advisory lock that ends with the transaction, so twenty copies of one request queue up
behind the first and are answered from its stored answer; a refused request rolls back and leaves the key unused.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection, transaction
from psycopg import errors as pg

from apps.common.db import pipelined, violated
from apps.common.errors import Conflict, KeyReused

_CLAIM = "SELECT status, headers, body, fingerprint FROM common_claim_request(%s)"
_STORE = """
INSERT INTO common_retried_request (digest, fingerprint, status, headers, body)
VALUES (%s, %s, %s, %s::jsonb, %s)
"""


class InProgress(Conflict):
    """Another request with the same key is still at work."""

    code = "idempotency_in_progress"
    title = "The same request is still in progress"
    retry_after_seconds = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request was answered: `status`, `body` as bytes, and the headers that belong to it."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    is_replayed: bool = False


def once(*, key: str, scope: str, fingerprint: bytes, act: Callable[[], Answer]) -> Answer:
    """Run `act` and store its answer in one transaction, or return the answer stored under the key.

    `scope` separates the keys of one principal, method and path from all others. `fingerprint` is the SHA-256 of
    the canonical body.

    Raises `KeyReused` where the key was used with another body and `InProgress` where the first request holds the
    key for longer than the lock timeout. Whatever `act` raises undoes everything and leaves the key unused.
    """
    digest = hashlib.sha256(f"{scope}\n{key}".encode()).digest()
    with transaction.atomic(), pipelined(), connection.cursor() as cursor:
        try:
            cursor.execute(_CLAIM, [digest])
        except Exception as error:
            if violated(error, pg.LockNotAvailable):
                raise InProgress("The first request with this Idempotency-Key is still at work.") from error
            raise
        row = cursor.fetchone()
        if row and row[0] is not None:
            return _replay(row, fingerprint)
        answer = act()
        cursor.execute(_STORE, [digest, fingerprint, answer.status, json.dumps(answer.headers), answer.body])
        return answer


def _replay(row: tuple[int, str, bytes, bytes], fingerprint: bytes) -> Answer:
    status, headers, body, stored = row
    if bytes(stored) != fingerprint:
        raise KeyReused("This Idempotency-Key was used with another body. Make a new key for a new request.")
    return Answer(status=status, body=bytes(body), headers=json.loads(headers), is_replayed=True)
