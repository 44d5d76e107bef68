"""The tree of locations, and its closure."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.common.models import Entity, ExternalRef
from apps.locations.types import VIRTUAL, LocationKind


class Location(Entity):
    """A place: a warehouse, a zone or bin within it, or one of the virtual ends of stock."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.name) for kind in LocationKind])
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    # Fixed when the location is made: balances carry it, so that the database can check each of them by itself.
    allows_negative = models.BooleanField(default=False)
    is_virtual = models.GeneratedField(
        expression=Q(kind__in=[kind.value for kind in VIRTUAL]),  # type: ignore[arg-type]  # a Q is one at run time
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta:
        db_table = "locations_location"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in LocationKind]), name="locations_location_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(kind__in=[kind.value for kind in VIRTUAL]),
                name="locations_location_virtual_is_root",
            ),
        ]


class LocationRef(ExternalRef):
    """A location's name in another system."""

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="refs")

    class Meta(ExternalRef.Meta):
        db_table = "locations_location_ref"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["system", "value"], name="locations_location_ref_unique"),
        ]


class LocationClosure(models.Model):
    """Every pair of a location and one that contains it, itself included; `depth` is the number of steps between."""

    pk = models.CompositePrimaryKey("ancestor_id", "descendant_id")
    ancestor = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="+", db_index=False)
    descendant = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="+")
    depth = models.PositiveSmallIntegerField()

    class Meta:
        db_table = "locations_location_closure"
