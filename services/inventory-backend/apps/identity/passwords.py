"""How passwords are chosen and kept: argon2id within OWASP's bounds (ASVS 5.0 appendix C)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import Final, override
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.exceptions import ValidationError

from apps.common.errors import Busy
from apps.identity.models import User

# In each process: 46 MiB for each one at work. Whoever comes beyond those who wait is told to come back, so that
# sign-ins never hold all threads of a process.
AT_ONCE: Final = 2
WAITING: Final = 1

_places = BoundedSemaphore(AT_ONCE + WAITING)
_at_work = BoundedSemaphore(AT_ONCE)


class Argon2id(Argon2PasswordHasher):
    """46 MiB, one pass, one lane: Django's default of 100 MiB and 8 lanes lets 50 sign-ins at once take 5 GB."""

    time_cost = 1
    memory_cost = 46 * 1024
    parallelism = 1

    @override
    def encode(self, password: str, salt: str) -> str:
        with _a_place():
            return super().encode(password, salt)

    @override
    def verify(self, password: str, encoded: str) -> bool:
        with _a_place():
            return super().verify(password, encoded)


@contextmanager
def _a_place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise Busy("Many people sign in right now. Try again in a second.")
    try:
        with _at_work:
            yield
    finally:
        _places.release()


class DenyList:
    """Refuse what leaked elsewhere, and what is little more than the name of the service or of the user.

    No rule asks for a mix of kinds of characters (ASVS V6.2.5).
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError for a password that an attacker tries early (ASVS V6.2.4, V6.2.11, V6.2.12)."""
        plain = password.casefold()
        path = settings.CONFIG.password_deny_list
        if path is not None and plain in _listed(path):
            raise ValidationError("This password has leaked: others know it.", code="leaked")
        rest = plain
        for word in sorted(_context(user), key=len, reverse=True):
            rest = rest.replace(word, "")
        if len(rest) < _OWN_CHARACTERS:
            raise ValidationError("This password is little more than a name that others know.", code="name")

    def get_help_text(self) -> str:
        """Return the rule as people read it."""
        return "Your password can't be on a list of leaked ones, or be made of names."


# What must be left of a password without the words that everybody knows.
_OWN_CHARACTERS: Final = 8
_SHORTEST_WORD: Final = 4


def _context(user: User | None) -> set[str]:
    said = ["inventory", "password", str(urlsplit(settings.CONFIG.jwt_issuer).hostname)]
    said += [user.username, user.name, user.email or ""] if user is not None else []
    words = {word for text in said for word in re.split(r"[^\w]+", text.casefold())}
    return {word for word in words if len(word) >= _SHORTEST_WORD}


@cache
def _listed(path: Path) -> frozenset[str]:
    return frozenset(line.strip().casefold() for line in path.read_text(encoding="utf-8").splitlines())
