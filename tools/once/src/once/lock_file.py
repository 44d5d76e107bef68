"""One process at a time does one job: a lock on a file, which ends with the last process that holds it open."""

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

POLL = 0.05  # seconds


@dataclass(frozen=True, kw_only=True)
class Held:
    """A lock that is held, and whether another process held it before."""

    file: Path
    descriptor: int
    waited: bool

    def release(self) -> None:
        """Let the next one in."""
        with suppress(FileNotFoundError):
            self.file.unlink()
        os.close(self.descriptor)


def hold(file: Path, *, stopped: Callable[[], bool], waiting: Callable[[], None]) -> Held | None:
    """Lock a file, made when missing; wait for as long as another process holds it.

    Args:
        file: The file, which is removed when the lock is released.
        stopped: Whether to give up, asked again and again.
        waiting: Called once, when there is need to wait.

    Returns:
        The lock, None when told to give up.
    """
    waited = False
    while not stopped():
        descriptor = _opened(file)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The holder before removed the file: what was locked is no longer what others see under its name.
            if os.path.samestat(os.fstat(descriptor), file.stat()):
                return Held(file=file, descriptor=descriptor, waited=waited)
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)
        if not waited:
            waited = True
            waiting()
        time.sleep(POLL)
    return None


def _opened(file: Path) -> int:
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
