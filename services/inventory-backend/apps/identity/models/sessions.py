"""The refresh tokens that keep people signed in."""

from django.db import models
from django.db.models.functions import Now

from apps.identity.models.users import User


class RefreshToken(models.Model):
    """One link of a chain: used once, replaced by the next of the same family (RFC 9700, 4.14.2).

    Only the SHA-256 of the token is kept.
    """

    digest = models.BinaryField(primary_key=True, max_length=32)
    family = models.UUIDField(db_index=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "identity_refresh_token"
