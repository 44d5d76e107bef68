"""Sealing in tests: other workers share the cluster, and their transactions hold the horizon back for a while."""

import time
from collections.abc import Callable

from apps.common.db import rows
from apps.trail.actions import seal_trail
from audit.django.models import Seal

_UNSETTLED = "SELECT EXISTS (SELECT FROM audit_event WHERE xid >= pg_snapshot_xmin(pg_current_snapshot()))"


def settle() -> None:
    """Wait until nothing can come before any event any more."""
    wait_until(lambda: rows(_UNSETTLED, []) == [(False,)])


def seal_all() -> Seal:
    """Seal every event."""
    settle()
    made = seal_trail()
    if made is None:  # what was refused has become events just now
        settle()
        made = seal_trail()
    assert made is not None
    return made


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something, for a minute and a half at most."""
    until = time.monotonic() + 90
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.05)
