"""The audit trail: rows that are only ever added."""

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from audit._merkle import HASH_BYTES, Tree
from audit.django.fields import CurrentEpoch, CurrentTransactionId, TransactionIdField


class AuditEvent(models.Model):
    """One change that somebody made.

    `at` is the database's clock and `occurred_at` the one at the door of the program.  `xid` lets a
    reader tell which rows are complete: all below `pg_snapshot_xmin(pg_current_snapshot())`. Transaction ids
    belong to a cluster, so `epoch` counts the clusters that the trail has lived in.
    Users are named without foreign keys, because the trail outlives them.
    """

    seq = models.BigAutoField(primary_key=True)
    # Django reserves a field called `id` for the primary key.
    event_id = models.UUIDField(db_column="id", unique=True, default=uuid7, editable=False)
    epoch = models.SmallIntegerField(db_default=CurrentEpoch(), editable=False)
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
            models.Index(fields=["epoch", "xid", "seq"], name="audit_event_order"),
            BrinIndex(fields=["at"], name="audit_event_at", autosummarize=True),
        ]


class Seal(models.Model):
    """One signed root over every event from the first one to those below a horizon.

    All events with (epoch, xid) below (`epoch`, `horizon`) are among the first `size` leaves, in the order of
    (epoch, xid, seq). `note` is the signed checkpoint, which says the same; `nodes` is what the tree grows on from.
    """

    number = models.BigIntegerField(primary_key=True)
    sealed_at = models.DateTimeField()
    epoch = models.SmallIntegerField()
    horizon = TransactionIdField()
    size = models.BigIntegerField(unique=True)
    root = models.BinaryField()
    nodes = models.BinaryField()
    note = models.TextField()

    class Meta:
        db_table = "audit_seal"
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["epoch", "horizon"], name="audit_seal_horizon")]

    @property
    def facts(self) -> tuple[str, ...]:
        """Return what the note says beside size and root."""
        return (f"seal {self.number}", f"horizon {self.epoch} {self.horizon}", f"sealed {self.sealed_at.isoformat()}")

    def tree(self) -> Tree:
        """Return the tree as it was when this was sealed; raises ValueError where the nodes do not fit the size."""
        nodes = bytes(self.nodes)
        return Tree(self.size, (nodes[at : at + HASH_BYTES] for at in range(0, len(nodes), HASH_BYTES)))


class Tile(models.Model):
    """The root of 256 leaves, from `index` * 256 on: proofs and their checks read these instead of every event."""

    index = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()

    class Meta:
        db_table = "audit_tile"
        default_permissions = ()


class RefusalCount(models.Model):
    """Refused requests that are alike, counted until they become an event of the trail, which takes a second."""

    digest = models.BinaryField(primary_key=True)
    count = models.IntegerField()
    occurred_at = models.DateTimeField()
    last_at = models.DateTimeField()
    actor_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    ip = models.GenericIPAddressField(null=True)
    request_id = models.TextField()
    action = models.TextField()
    operation = models.TextField()
    status = models.SmallIntegerField()
    code = models.TextField()
    reason = models.TextField()
    account_id = models.UUIDField(null=True)

    class Meta:
        db_table = "audit_refusal"
        default_permissions = ()


class Position(models.Model):
    """The last event that a sink has, in the order of seals."""

    sink = models.TextField(primary_key=True)
    epoch = models.SmallIntegerField()
    xid = TransactionIdField()
    seq = models.BigIntegerField()
    moved_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "audit_position"
        default_permissions = ()
