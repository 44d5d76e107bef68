"""One effect per idempotency key, whatever the network does (api.md 6).

The key is claimed by an advisory lock that ends with the transaction, so twenty copies of one request queue up
behind the first and are answered from its stored answer; a refused request rolls back and leaves the key unused.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from django.db import connection, transaction
from psycopg import errors as pg

from apps.common.db import pipelined, rows, violated
from apps.common.errors import Conflict, KeyReused

_CLAIM = "SELECT status, headers, body, fingerprint FROM common_claim_request(%s)"
_STORE = """
INSERT INTO common_retried_request (digest, fingerprint, status, headers, body)
VALUES (%s, %s, %s, %s::jsonb, %s)
"""
_CLAIM_EACH = "SELECT is_free, status, headers, body, fingerprint FROM common_claim_requests(%s, %s)"
_STORE_EACH = """
INSERT INTO common_retried_request (digest, fingerprint, status, headers, body)
SELECT * FROM unnest(%s::bytea[], %s::bytea[], %s::smallint[], %s::jsonb[], %s::bytea[])
"""
# How long requests that go together wait for what somebody else has locked, before each goes its own way.
_PATIENCE = "200ms"


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


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request asks to happen once: `digest` names it, `fingerprint` is the SHA-256 of its canonical body."""

    digest: bytes
    fingerprint: bytes

    @classmethod
    def of(cls, *, key: str, scope: str, fingerprint: bytes) -> Self:
        """Return the claim of a key; `scope` separates those of one principal, method and path from all others."""
        return cls(hashlib.sha256(f"{scope}\n{key}".encode()).digest(), fingerprint)


def once(claim: Claim, act: Callable[[], Answer]) -> Answer:
    """Run `act` and store its answer in one transaction, or return the answer stored for the claim.

    Raises `KeyReused` where the key was used with another body and `InProgress` where the first request holds the
    key for longer than the lock timeout. Whatever `act` raises undoes everything and leaves the key unused.
    """
    with transaction.atomic(), pipelined(), connection.cursor() as cursor:
        try:
            cursor.execute(_CLAIM, [claim.digest])
        except Exception as error:
            if violated(error, pg.LockNotAvailable):
                raise InProgress("The first request with this Idempotency-Key is still at work.") from error
            raise
        row = cursor.fetchone()
        if row and row[0] is not None:
            return _replay(row, claim)
        answer = act()
        cursor.execute(
            _STORE, [claim.digest, claim.fingerprint, answer.status, json.dumps(answer.headers), answer.body]
        )
        return answer


def once_each(
    claims: Sequence[Claim], act: Callable[[Sequence[int]], Sequence[Answer | None]]
) -> Sequence[Answer | None]:
    """Run `act` for many claims and store its answers in one transaction; return an answer for each claim, in order.

    `act` gets the indexes of the claims that nobody made before. None, from `act` or from here, stands for a request
    that did not happen and has to go alone, through `once`: a rival holds its key, its key was used with another
    body, it is there twice, or something is wrong with it. Whatever `act` raises undoes everything.
    """
    answers: dict[int, Answer | None] = {}
    with transaction.atomic(), pipelined():
        found = rows(_CLAIM_EACH, [[claim.digest for claim in claims], _PATIENCE])
        seen: set[bytes] = set()
        fresh = []
        for index, (claim, (is_free, *stored)) in enumerate(zip(claims, found, strict=True)):
            if stored[0] is not None:
                answers[index] = _replay(stored, claim) if bytes(stored[3]) == claim.fingerprint else None
            elif is_free and claim.digest not in seen:
                fresh.append(index)
            seen.add(claim.digest)
        answers |= zip(fresh, act(fresh), strict=True)
        _store([(claims[index], answer) for index in fresh if (answer := answers[index])])
    return [answers.get(index) for index in range(len(claims))]


def _store(answers: Sequence[tuple[Claim, Answer]]) -> None:
    if not answers:
        return
    columns: list[Any] = [
        [claim.digest for claim, _ in answers],
        [claim.fingerprint for claim, _ in answers],
        [answer.status for _, answer in answers],
        [json.dumps(answer.headers) for _, answer in answers],
        [answer.body for _, answer in answers],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_STORE_EACH, columns)


def _replay(row: Sequence[Any], claim: Claim) -> Answer:
    status, headers, body, stored = row
    if bytes(stored) != claim.fingerprint:
        raise KeyReused("This Idempotency-Key was used with another body. Make a new key for a new request.")
    return Answer(status=status, body=bytes(body), headers=json.loads(headers), is_replayed=True)
