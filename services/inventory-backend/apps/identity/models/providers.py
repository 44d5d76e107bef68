"""Where people may sign in other than here, whom they are there, and what that lets them do here."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from apps.common.models import Entity
from apps.identity.models.users import User


class Provider(Entity):
    """A place where people sign in: here with a password (`local`), or at an identity provider.

    `settings` belong to the kind and hold no secret, only its name. `tested_digest` is that of the settings that were
    last tried with success; only those may be switched on. `group_roles` says which roles the groups over there give:
    a list of `{group, role, location}` with a role's code and a location's id, or null for everywhere.
    """

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=16)
    is_enabled = models.BooleanField(default=False)
    provisions_users = models.BooleanField(default=False)
    settings = models.JSONField(default=dict)
    group_roles = models.JSONField(default=list)
    tested_digest = models.CharField(max_length=64, blank=True, default="")
    scim_client = models.OneToOneField(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        db_table = "identity_provider"


class ProvidedBinding(models.Model):
    """A binding that a provider's groups gave: theirs to take away again, unlike one that somebody granted."""

    id = models.BigAutoField(primary_key=True)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    binding = models.OneToOneField("rbac.Binding", on_delete=models.CASCADE, related_name="+")

    class Meta:
        db_table = "identity_provided_binding"


class ExternalIdentity(models.Model):
    """Whom a user is over there. Provider, issuer and subject name a person; an e-mail address never does."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="identities")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="identities")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "identity_external_identity"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["provider", "issuer", "subject"], name="identity_external_identity_unique"),
        ]


class SignInAttempt(models.Model):
    """A browser that was sent away to sign in; it comes back once, in time, and is the same browser.

    Digests only: nonce and PKCE verifier are derived from a secret that the browser keeps.
    """

    state_digest = models.BinaryField(primary_key=True, max_length=32)
    browser_digest = models.BinaryField(max_length=32)
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="+")
    # Whoever asked to be linked rather than signed in, or to prove it again, and in which session of theirs.
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    session_id = models.UUIDField(null=True)
    is_proof = models.BooleanField(default=False, db_default=False)
    challenge = models.CharField(max_length=43)
    return_to = models.CharField(max_length=500, blank=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "identity_sign_in_attempt"


class HandOver(models.Model):
    """A code that stands for one proven sign-in, good for a minute and for one use by whoever began it.

    With a `session_id` it renews the proof within that session and begins none. One without a PKCE `challenge` is no
    code: it waits for a second factor here, under the digest of that challenge.
    """

    digest = models.BinaryField(primary_key=True, max_length=32)
    identity = models.ForeignKey(ExternalIdentity, on_delete=models.CASCADE, related_name="+")
    challenge = models.CharField(max_length=43)
    methods = models.JSONField()
    session_over_there = models.CharField(max_length=255, blank=True)
    session_id = models.UUIDField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "identity_hand_over"


class ProvidedSession(models.Model):
    """A session here that began with one over there, and ends with it."""

    session_id = models.UUIDField(primary_key=True)
    identity = models.ForeignKey(ExternalIdentity, on_delete=models.CASCADE, related_name="+")
    session_over_there = models.CharField(max_length=255, blank=True)

    class Meta:
        db_table = "identity_provided_session"


class SeenLogout(models.Model):
    """A logout token that was obeyed, so that it is not obeyed again."""

    digest = models.BinaryField(primary_key=True, max_length=32)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "identity_seen_logout"
