"""How long one request may go on asking the database."""

import time
from collections.abc import Callable
from typing import Any, Final

from apps.common.errors import Busy

# What ends a transaction, or undoes a part of it, is never too late.
_CLOSING: Final = ("ROLLBACK", "RELEASE", "SET ")


class Deadline:
    """Refuse each further statement once the time is over; `connection.execute_wrapper` takes it.

    PostgreSQL ends a single statement that takes too long (`statement_timeout`); this ends a request that asks for
    many. Its transaction is rolled back, and trying again is safe.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001  (Django's signature)
        """Run a statement, unless it is too late; raises `Busy`."""
        if time.monotonic() > self._until and not str(sql).startswith(_CLOSING):
            raise Busy(f"This took longer than {self._seconds:g} seconds and was undone. Try again, or ask for less.")
        return execute(sql, params, many, context)
