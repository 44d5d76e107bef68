"""Columns that several domains share, and the record of retried requests."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7


class Versioned(models.Model):
    """What is named by a UUIDv7 and versioned for ETags."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True


class Entity(Versioned):
    """Reference data: archived rather than deleted."""

    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class ExternalRef(models.Model):
    """The name of a thing in another system, unique within that system."""

    id = models.BigAutoField(primary_key=True)
    system = models.CharField(max_length=64)
    value = models.CharField(max_length=128)

    class Meta:
        abstract = True
        ordering = ("system", "value")


class RetriedRequest(models.Model):
    """The answer that was given under an idempotency key; kept for ever, so a key never acts twice.

    `digest` is SHA-256 over the key and its scope (principal, method, path); `fingerprint` is SHA-256
    over the canonical body.
    """

    digest = models.BinaryField(primary_key=True, max_length=32)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "common_retried_request"
        constraints: ClassVar[list[models.BaseConstraint]] = []
