"""Sealing the trail: once, or for as long as a service runs."""

import os
import time
from collections.abc import Iterator

import structlog
from django.db import Error as DatabaseError
from django.db import connection
from psycopg_pool import PoolTimeout

from apps.trail.keys import log_name, signing_key
from audit.django.models import Seal
from audit.django.sealer import seal

log = structlog.get_logger(__name__)


def seal_trail() -> Seal | None:
    """Seal what has become final; None where nothing has, or where another process seals just now."""
    return seal(key=signing_key(), origin=log_name())


def keep_sealing(*, every_seconds: float) -> Iterator[Seal]:
    """Seal again and again, and yield what was made; ends when the process that started this one is gone.

    A database that is away is no reason to end: whatever is written meanwhile is sealed later.
    """
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            made = seal_trail()
        except (DatabaseError, PoolTimeout) as error:
            log.warning("audit.not_sealed", reason=type(error).__name__)
            connection.close()
        else:
            if made is not None:
                yield made
        time.sleep(every_seconds)
