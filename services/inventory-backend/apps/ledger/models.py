"""The ledger's tables. The service may read them all and write none: `ledger_post` does, and the database checks it.

Rules that the ORM cannot say (append-only, zero sums, a balance moves only with its posting) are in `sql/`.
"""

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from uuid_utils.compat import uuid7

from apps.ledger.types import Kind, Status


class Transaction(models.Model):
    """One fact about stock: when it happened, when we learned it, and who told us. Never changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sequence = models.BigIntegerField(unique=True)
    kind = models.CharField(max_length=24)
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor_id = models.UUIDField()
    reason = models.CharField(max_length=200)
    reference = models.CharField(max_length=200)
    note = models.CharField(max_length=2000)
    request_id = models.CharField(max_length=64)
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="reversed_by")

    class Meta:
        db_table = "ledger_transaction"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["effective_at", "sequence"], name="ledger_txn_effective"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in Kind]), name="ledger_transaction_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(effective_at__lte=F("recorded_at")), name="ledger_transaction_not_in_future"
            ),
        ]


class Balance(models.Model):
    """What is in one place: the running total of its postings.

    The id is computed from the dimensions (`ledger_balance_id`), so one place has one row.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    item = models.ForeignKey("catalog.Item", on_delete=models.PROTECT, related_name="+", db_index=False)
    location = models.ForeignKey("locations.Location", on_delete=models.PROTECT, related_name="+", db_index=False)
    lot = models.ForeignKey("catalog.Lot", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    serial = models.ForeignKey("catalog.Serial", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    owner = models.ForeignKey("parties.Party", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    status = models.CharField(max_length=16)
    allows_negative = models.BooleanField()
    on_hand = models.DecimalField(max_digits=20, decimal_places=6)
    held = models.DecimalField(max_digits=20, decimal_places=6)
    version = models.BigIntegerField()
    last_sequence = models.BigIntegerField()

    class Meta:
        db_table = "ledger_balance"
        # No index names a column that a posting changes: updates stay on their page (HOT).
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["item", "location", "id"], name="ledger_balance_item"),
            models.Index(fields=["location", "item", "id"], name="ledger_balance_location"),
            models.Index(fields=["lot"], name="ledger_balance_lot", condition=Q(lot__isnull=False)),
            models.Index(fields=["serial"], name="ledger_balance_serial", condition=Q(serial__isnull=False)),
            models.Index(fields=["owner"], name="ledger_balance_owner", condition=Q(owner__isnull=False)),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in Status]), name="ledger_balance_status_known"
            ),
            models.CheckConstraint(
                condition=Q(allows_negative=True) | Q(on_hand__gte=0), name="ledger_balance_on_hand_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(held__gte=0) & (Q(allows_negative=True) | Q(held__lte=F("on_hand"))),
                name="ledger_balance_held_within_on_hand",
            ),
            models.CheckConstraint(
                condition=Q(serial__isnull=True) | Q(on_hand__in=[0, 1]), name="ledger_balance_serial_is_one_piece"
            ),
        ]


class Posting(models.Model):
    """One leg of a transaction: a signed quantity in one place.

    Leg `line` belongs to the entered line `line // 2`; even legs are where stock left, odd ones where it arrived.
    Legs in virtual places have no balance, so that no two writers ever meet there.
    """

    pk = models.CompositePrimaryKey("transaction_id", "line")
    transaction = models.ForeignKey(
        Transaction,
        on_delete=models.PROTECT,
        to_field="sequence",
        db_column="sequence",
        related_name="postings",
        db_constraint=False,
        db_index=False,
    )
    line = models.IntegerField()
    # No row of these two is ever deleted, so it is enough that a trigger sees them once, for all legs together.
    balance = models.ForeignKey(
        Balance, on_delete=models.PROTECT, null=True, related_name="postings", db_constraint=False, db_index=False
    )
    # The dimensions again: they are the balance's own, or a virtual place's. No constraints: the balance has them.
    item = models.ForeignKey(
        "catalog.Item", on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    location = models.ForeignKey(
        "locations.Location", on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    lot = models.ForeignKey(
        "catalog.Lot", on_delete=models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    serial = models.ForeignKey(
        "catalog.Serial", on_delete=models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    owner = models.ForeignKey(
        "parties.Party", on_delete=models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    status = models.CharField(max_length=16)
    quantity = models.DecimalField(max_digits=20, decimal_places=6)
    balance_after = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    balance_version = models.BigIntegerField(null=True)
    effective_at = models.DateTimeField()
    entered_quantity = models.DecimalField(max_digits=20, decimal_places=6)
    entered_unit = models.ForeignKey(
        "catalog.Unit", on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    factor_num = models.BigIntegerField()
    factor_den = models.BigIntegerField()

    class Meta:
        db_table = "ledger_posting"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["item", "transaction", "line"], name="ledger_posting_item"),
            models.Index(fields=["location", "transaction", "line"], name="ledger_posting_location"),
            BrinIndex(fields=["effective_at"], name="ledger_posting_effective"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(quantity=0), name="ledger_posting_not_zero"),
            models.UniqueConstraint(fields=["balance", "balance_version"], name="ledger_posting_balance_version"),
        ]


class Period(models.Model):
    """Nothing becomes effective at or before `closed_until` any more."""

    closed_until = models.DateTimeField(primary_key=True)
    closed_at = models.DateTimeField()
    actor_id = models.UUIDField()
    reason = models.CharField(max_length=200)

    class Meta:
        db_table = "ledger_period"


class BalanceSnapshot(models.Model):
    """What was in a place when a period was closed; rows of nothing are left out. True for ever, like the period."""

    pk = models.CompositePrimaryKey("period_id", "balance_id")
    period = models.ForeignKey(Period, on_delete=models.PROTECT, db_column="as_of", related_name="+", db_index=False)
    balance = models.ForeignKey(Balance, on_delete=models.PROTECT, related_name="+", db_index=False)
    quantity = models.DecimalField(max_digits=20, decimal_places=6)

    class Meta:
        db_table = "ledger_balance_snapshot"
