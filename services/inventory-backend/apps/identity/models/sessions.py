"""Sessions, what keeps them alive, and how often somebody may try to begin one."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from apps.identity.models.users import User


class Session(models.Model):
    """Somebody signed in, from one device, until it is revoked, idle for too long, or old.

    `methods` says how they proved who they are (RFC 8176), last at `authenticated_at`. A browser's session is kept
    alive by a cookie, of which the SHA-256 is here; every other one by refresh tokens.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    created_at = models.DateTimeField()
    authenticated_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    methods = ArrayField(models.CharField(max_length=16))
    ip = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=64, blank=True)
    cookie_digest = models.BinaryField(max_length=32, null=True, unique=True)

    class Meta:
        db_table = "identity_session"
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["user", "id"], name="identity_session_user")]


class RefreshToken(models.Model):
    """One link of a chain: used once, replaced by the next of the same session (RFC 9700, 4.14.2).

    Only the SHA-256 of the token is kept.
    """

    digest = models.BinaryField(primary_key=True, max_length=32)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "identity_session_token"


class Throttle(models.Model):
    """How often one account, or one network, was tried in vain of late; `digest` is the SHA-256 of which."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    tries = models.PositiveIntegerField()
    tried_at = models.DateTimeField(db_index=True)
    free_at = models.DateTimeField()

    class Meta:
        db_table = "identity_throttle"


class SigningKey(models.Model):
    """When the public half of a key was first shown, which is ten minutes before it signs."""

    kid = models.CharField(primary_key=True, max_length=64)
    published_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "identity_signing_key"
