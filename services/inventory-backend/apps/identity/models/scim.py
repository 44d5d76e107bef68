"""What a provider tells us by SCIM of its users and groups (RFC 7643)."""

from typing import ClassVar

from django.db import models
from uuid_utils.compat import uuid7

from apps.common.models import Entity
from apps.identity.models.providers import Provider
from apps.identity.models.users import User


class ScimUser(Entity):
    """A user whom a provider made, and only those are its to change. The id is that of the resource."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+")
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="scim")
    external_id = models.CharField(max_length=255, blank=True)
    attributes = models.JSONField(default=dict)

    class Meta:
        db_table = "identity_scim_user"


class ScimGroup(Entity):
    """A group of a provider; the provider's mapping says which roles it gives."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+")
    display_name = models.CharField(max_length=200)
    external_id = models.CharField(max_length=255, blank=True)

    class Meta:
        db_table = "identity_scim_group"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["provider", "display_name"], name="identity_scim_group_unique"),
        ]


class ScimMember(models.Model):
    """Somebody in a group."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    group = models.ForeignKey(ScimGroup, on_delete=models.CASCADE, related_name="members")
    member = models.ForeignKey(ScimUser, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        db_table = "identity_scim_member"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["group", "member"], name="identity_scim_member_unique"),
        ]
