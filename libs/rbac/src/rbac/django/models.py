"""Roles, and who holds them where."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Now
from uuid_utils.compat import uuid7


class Role(models.Model):
    """A named set of permission codes; the built-in ones belong to the program, not to its users.

    `version` counts its changes, so that nobody overwrites what they have not seen.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code = models.SlugField(unique=True)
    name = models.TextField()
    permissions = ArrayField(models.TextField())
    is_builtin = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "rbac_role"
        default_permissions = ()


class Binding(models.Model):
    """The role of one user or group from one location downwards; no location is the tenant's root.

    It holds in [valid_from, valid_until); null leaves that side open.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The unique constraint begins with the user, so the foreign key needs no index of its own.
    # Whatever a binding points to stays: a cascade would take rights away without a trace.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, db_index=False, related_name="+"
    )
    group = models.ForeignKey(settings.RBAC_GROUP_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    # Who holds the role, in two columns as readers ask for it; the foreign keys are what is written.
    subject_kind = models.GeneratedField(
        expression=Case(When(user__isnull=False, then=Value("user")), default=Value("group")),
        output_field=models.TextField(),
        db_persist=True,
    )
    subject_id = models.GeneratedField(
        expression=Coalesce("user_id", "group_id"), output_field=models.UUIDField(), db_persist=True
    )
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="bindings")
    location = models.ForeignKey(settings.RBAC_LOCATION_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    valid_from = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "rbac_binding"
        default_permissions = ()
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user", "group", "role", "location"],
                name="rbac_binding_subject_role_location_unique",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False),
                name="rbac_binding_has_one_subject",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__lt=F("valid_until")), name="rbac_binding_valid_from_before_until"
            ),
        ]
