"""What people prove who they are with, beside their password."""

from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from apps.identity.models.users import User


class Totp(models.Model):
    """An authenticator app's secret (RFC 6238), sealed; `last_step` is the newest time step whose code was used."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")
    secret = models.BinaryField(max_length=64)
    last_step = models.BigIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "identity_totp"


class Passkey(models.Model):
    """A WebAuthn credential; `sign_count` is what its authenticator said last."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    credential_id = models.BinaryField(max_length=1023, unique=True)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField()
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "identity_passkey"


class RecoveryCode(models.Model):
    """The SHA-256 of a code that stands in for a lost authenticator, once."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "identity_recovery_code"


class SpentChallenge(models.Model):
    """A signed challenge that was answered; it is not taken again, and forgotten once it has expired."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "identity_spent_challenge"
