"""Passwords, kept here: Django's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.contrib.auth.hashers import is_password_usable

from apps.identity.models import User
from apps.identity.providers.protocol import Answer, Assertion, AssertionRefused, Attempt, Check, LogoutAssertion


@dataclass(frozen=True)
class Local:
    """The service's own sign-in: nobody is sent away, so nobody comes back."""

    comes_back_by_post: ClassVar[bool] = False

    def start(self, attempt: Attempt) -> str:
        """Refuse: a password goes to POST /identity/token."""
        del attempt
        raise AssertionRefused("Sign in with a password at /api/v1/identity/token.")

    def finish(self, attempt: Attempt, answer: Answer) -> Assertion:
        """Refuse, as `start`."""
        del attempt, answer
        raise AssertionRefused("Sign in with a password at /api/v1/identity/token.")

    def ended(self, token: str, at: datetime) -> LogoutAssertion:
        """Refuse: sessions that begin here end here."""
        del token, at
        raise AssertionRefused("This provider sends no logout tokens.")

    def check(self) -> Sequence[Check]:
        """Tell whether anybody has a password."""
        passwords = User.objects.filter(is_active=True).values_list("password", flat=True)
        found = any(map(is_password_usable, passwords.iterator()))
        detail = "somebody has a password" if found else "nobody has a password; `inventory user create` makes one"
        return [Check(name="passwords", is_ok=found, detail=detail)]
