"""Roles, and who holds them where."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from uuid_utils.compat import uuid7


class Role(models.Model):
    """A named set of permission codes; the built-in ones belong to the program, not to its users."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code = models.SlugField(unique=True)
    name = models.TextField()
    permissions = ArrayField(models.TextField())
    is_builtin = models.BooleanField(default=False)

    class Meta:
        db_table = "rbac_role"
        default_permissions = ()


class Binding(models.Model):
    """One user's role from one location downwards; no location is the tenant's root.

    It holds in [valid_from, valid_until); null leaves that side open.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The unique constraint begins with the user, so the foreign key needs no index of its own.
    # Whatever a binding points to stays: a cascade would take rights away without a trace.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="+")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="bindings")
    location = models.ForeignKey(settings.RBAC_LOCATION_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    valid_from = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "rbac_binding"
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user", "role", "location"],
                name="rbac_binding_user_role_location_unique",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(valid_from__lt=F("valid_until")), name="rbac_binding_valid_from_before_until"
            ),
        ]
