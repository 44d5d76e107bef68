"""People who sign in, and services that come with an API key."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now, Upper
from uuid_utils.compat import uuid7

from apps.identity.types import UserKind


class UserManager(BaseUserManager["User"]):
    """Find a user by username, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user who signs in as `username`."""
        return self.get(username__iexact=username)


class User(AbstractBaseUser):
    """Somebody who signs in, or a service; what they may do is said by role bindings, never by a flag here.

    A service has no password and no sessions: it comes with an API key. No user is ever deleted, since the trail
    names them.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = models.CharField(max_length=64)
    name = models.CharField(max_length=200, blank=True)
    kind = models.CharField(
        max_length=8,
        choices=[(kind.value, kind.name) for kind in UserKind],
        default=UserKind.PERSON.value,
        db_default=UserKind.PERSON.value,
    )
    # Where links to a new password go; nobody signs in with it.
    email = models.EmailField(max_length=254, blank=True, default="", db_default="")
    email_verified = models.BooleanField(default=False, db_default=False)
    language = models.CharField(max_length=35, blank=True, default="", db_default="")
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1, db_default=1)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "identity_user"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(Lower("username"), name="identity_user_username_unique"),
            # As users are looked up: what the look-up takes for one name is one account.
            models.UniqueConstraint(Upper("username"), name="identity_user_username_looked_up"),
            models.UniqueConstraint(Lower("email"), condition=~Q(email=""), name="identity_user_email_unique"),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in UserKind]), name="identity_user_kind_known"
            ),
            # Django writes a password that nobody can have as "!" and random text.
            models.CheckConstraint(
                condition=Q(kind=UserKind.PERSON.value) | Q(password__startswith="!", email=""),  # noqa: S106  (what no password looks like)  # nosec B106
                name="identity_user_service_has_no_password",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["kind", "username", "id"], name="identity_user_by_username"),
        ]
