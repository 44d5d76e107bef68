"""Items and what belongs to them."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.catalog.types import Tracking
from apps.common.models import Entity, ExternalRef


class Unit(Entity):
    """A unit of measure: exactly `factor_num / factor_den` reference units of its dimension."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    dimension = models.CharField(max_length=64)
    factor_num = models.BigIntegerField(default=1)
    factor_den = models.BigIntegerField(default=1)
    is_whole = models.BooleanField(default=False)

    class Meta:
        db_table = "catalog_unit"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(factor_num__gt=0, factor_den__gt=0), name="catalog_unit_factor_positive")
        ]


class Item(Entity):
    """Something that is stocked, in quantities of its base unit."""

    sku = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=2000, blank=True)
    gtin = models.CharField(max_length=14, null=True, blank=True, unique=True)
    tracking = models.CharField(
        max_length=8, choices=[(kind.value, kind.name) for kind in Tracking], default=Tracking.NONE.value
    )
    base_unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "catalog_item"
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["name", "id"], name="catalog_item_name")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(tracking__in=[kind.value for kind in Tracking]), name="catalog_item_tracking_known"
            )
        ]


class ItemRef(ExternalRef):
    """An item's name in another system."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="refs")

    class Meta(ExternalRef.Meta):
        db_table = "catalog_item_ref"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["system", "value"], name="catalog_item_ref_unique"),
        ]


class ItemUnit(models.Model):
    """A unit of one item alone, such as its case: exactly `num / den` base units."""

    id = models.BigAutoField(primary_key=True)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="own_units")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    num = models.BigIntegerField()
    den = models.BigIntegerField(default=1)

    class Meta:
        db_table = "catalog_item_unit"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["item", "unit"], name="catalog_item_unit_unique"),
            models.CheckConstraint(condition=Q(num__gt=0, den__gt=0), name="catalog_item_unit_positive"),
        ]


class Lot(Entity):
    """A batch of one item that shares its dates."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="lots")
    code = models.CharField(max_length=64)
    manufactured_date = models.DateField(null=True, blank=True)
    expiry_date = models.DateField(null=True, blank=True)

    class Meta:
        db_table = "catalog_lot"
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["code", "id"], name="catalog_lot_code")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["item", "code"], name="catalog_lot_item_code_unique"),
            models.CheckConstraint(
                condition=Q(manufactured_date__isnull=True)
                | Q(expiry_date__isnull=True)
                | Q(manufactured_date__lte=F("expiry_date")),
                name="catalog_lot_made_before_expiry",
            ),
        ]


class Serial(Entity):
    """One piece of an item, by its number."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="serials")
    code = models.CharField(max_length=64)

    class Meta:
        db_table = "catalog_serial"
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["code", "id"], name="catalog_serial_code")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["item", "code"], name="catalog_serial_item_code_unique"),
        ]
