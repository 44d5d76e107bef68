"""What the service asks of PostgreSQL beyond the ORM."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection


def violated(error: Exception, kind: type[psycopg.Error]) -> bool:
    """Tell whether PostgreSQL refused for this reason, through Django's wrapper or without it."""
    return isinstance(error, kind) or isinstance(error.__cause__, kind)


def constraint_of(error: Exception) -> str | None:
    """Return the name of the constraint that refused, or None where it was no constraint."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    return cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None


@contextmanager
def pipelined() -> Iterator[None]:
    """Send statements without waiting for those whose answer nobody reads: they travel with the next one that is read.

    An error is raised where an answer is read, or at the end of the block.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def rows(sql: str, params: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run one hand-written statement with bound parameters and return its rows."""
    return asked(sql, params)()


def asked(sql: str, params: Sequence[Any] | Mapping[str, Any]) -> Callable[[], list[tuple[Any, ...]]]:
    """Send one hand-written statement; the result waits for its rows. Within `pipelined`, several travel as one."""
    cursor = connection.cursor()
    cursor.execute(sql, params)

    def answer() -> list[tuple[Any, ...]]:
        with cursor:
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    return answer
