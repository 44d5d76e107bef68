"""How passwords are kept: argon2id within OWASP's bounds (ASVS 5.0 appendix C)."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Final, override

from django.contrib.auth.hashers import Argon2PasswordHasher

from apps.common.errors import Busy

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
