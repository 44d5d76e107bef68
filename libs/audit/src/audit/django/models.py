"""The audit trail: rows that are only ever added."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from audit.django.fields import CurrentTransactionId, TransactionIdField


class AuditEvent(models.Model):
    """One change that somebody made.

    `at` is the database's clock and `occurred_at` the one at the door of the program.  `xid` lets a
    reader tell which rows are complete: all below `pg_snapshot_xmin(pg_current_snapshot())`.
    Users are named without foreign keys, because the trail outlives them.
    """

    seq = models.BigAutoField(primary_key=True)
    # Django reserves a field called `id` for the primary key.
    event_id = models.UUIDField(db_column="id", unique=True, default=uuid7, editable=False)
    xid = TransactionIdField(db_default=CurrentTransactionId(), editable=False)
    at = models.DateTimeField(db_default=Now(), editable=False)
    occurred_at = models.DateTimeField()
    actor_id = models.UUIDField(null=True)
    on_behalf_of = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    ip = models.GenericIPAddressField(null=True)
    request_id = models.TextField()
    action = models.TextField()
    object_type = models.TextField()
    object_id = models.TextField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField()

    class Meta:
        db_table = "audit_event"
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["object_type", "object_id", "seq"], name="audit_event_object"),
            models.Index(fields=["actor_id", "seq"], name="audit_event_actor"),
        ]
