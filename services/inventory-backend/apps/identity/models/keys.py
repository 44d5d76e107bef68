"""API keys: how programs sign in."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from apps.identity.models.users import User


class ApiKey(models.Model):
    """A narrowed copy of its owner's grants, made anew at each request, that a program carries.

    `prefix` finds it; `digest` is HMAC-SHA256 over the whole key. The key itself is not kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=200)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.BinaryField(max_length=32)
    permissions = ArrayField(models.TextField())
    location = models.ForeignKey(settings.RBAC_LOCATION_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    networks = ArrayField(models.TextField(), default=list)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "identity_api_key"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(permissions__len__gt=0), name="identity_api_key_allows_something"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="identity_api_key_expires"),
        ]
