"""PostgreSQL's 64-bit transaction id, which Django has no field for."""

from typing import Any, override

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class CurrentTransactionId(models.Func):
    """The id of the transaction that runs."""

    function = "pg_current_xact_id"
    arity = 0


class CurrentEpoch(models.Func):
    """Which of the clusters that the trail has lived in this is; a migration makes the function."""

    function = "audit_epoch"
    arity = 0


class TransactionIdField(models.Field):  # type: ignore[type-arg]  # generic in the stubs only
    """An `xid8`: it never wraps around, and is an integer in Python."""

    @override
    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "xid8"

    def from_db_value(self, value: str | None, _expression: object, _connection: object) -> int | None:
        """Return the integer; psycopg hands an xid8 over as text."""
        return None if value is None else int(value)

    @override
    def get_prep_value(self, value: Any) -> str | None:
        # xid8 has no cast from bigint, only from text.
        return None if value is None else str(int(value))
