"""People who sign in."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower, Now
from uuid_utils.compat import uuid7


class UserManager(BaseUserManager["User"]):
    """Find a user by username, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user who signs in as `username`."""
        return self.get(username__iexact=username)


class User(AbstractBaseUser):
    """Somebody who signs in; what they may do is said by role bindings, never by a flag here."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = models.CharField(max_length=64)
    name = models.CharField(max_length=200, blank=True)
    # Where links to a new password go; nobody signs in with it.
    email = models.EmailField(max_length=254, null=True)  # noqa: DJ001  (unknown is not empty)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "identity_user"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(Lower("username"), name="identity_user_username_unique"),
        ]
