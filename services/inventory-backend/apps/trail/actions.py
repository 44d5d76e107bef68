"""Sealing the trail and sending it on: once, or for as long as a service runs."""

import os
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from psycopg_pool import PoolTimeout

from apps.common.errors import DomainError
from apps.trail.keys import log_name, signing_key
from audit import NotDelivered, UnknownSink, cef, ocsf, sink_at
from audit.django.forwarder import BATCH, forward
from audit.django.models import Seal
from audit.django.refusals import tell_of_refusals
from audit.django.sealer import seal

if TYPE_CHECKING:
    import configs

log = structlog.get_logger(__name__)

FORMATS: Final = {"ocsf": ocsf, "cef": cef}
# Of requests that were refused, so many events at once, and in the long run. The rest is counted, and told of later.
REFUSALS_AT_ONCE: Final = 600
REFUSALS_PER_SECOND: Final = 1.0
_PATIENCE_SECONDS: Final = 3.0


class NoSink(DomainError):
    """Nothing says where events should go, or what says it cannot be used."""

    code = "no_sink"
    title = "There is nowhere to send events"


def seal_trail(*, most_refusals: int = REFUSALS_AT_ONCE) -> Seal | None:
    """Tell of refused requests, and seal what has become final; None where nothing has, or where another seals."""
    tell_of_refusals(most=most_refusals)
    return seal(key=signing_key(), origin=log_name())


def keep_sealing(*, every_seconds: float) -> Iterator[Seal]:
    """Seal again and again, and yield what was made; ends when the process that started this one is gone.

    A database that is away is no reason to end: whatever is written meanwhile is sealed later.
    """
    may_tell = float(REFUSALS_AT_ONCE)
    for _ in _ticks(every_seconds):
        try:
            may_tell -= tell_of_refusals(most=int(may_tell))
            made = seal_trail(most_refusals=0)
        except (DatabaseError, PoolTimeout) as error:
            log.warning("audit.not_sealed", reason=type(error).__name__)
            connection.close()
        else:
            if made is not None:
                yield made
        may_tell = min(REFUSALS_AT_ONCE, may_tell + REFUSALS_PER_SECOND * every_seconds)


def forward_trail() -> int:
    """Send the configured sink every final event that it has not got; return how many.

    Raises `NoSink`, and `NotDelivered` where the sink does not say that it has them; they are sent again next time.
    """
    sent, send = 0, _sender()
    while count := send():
        sent += count
        if count < BATCH:
            break
    return sent


def keep_forwarding(*, every_seconds: float) -> Iterator[int]:
    """Forward again and again, and yield how many were sent; ends when the process that started this one is gone.

    A sink or a database that is away is no reason to end: what is written meanwhile is sent later, in its order.
    """
    for _ in _ticks(every_seconds):
        try:
            yield forward_trail()
        except (DatabaseError, PoolTimeout, NotDelivered, NoSink) as error:
            log.warning("audit.not_forwarded", reason=str(error) or type(error).__name__)
            connection.close()
            time.sleep(_PATIENCE_SECONDS)


def _sender() -> Callable[[], int]:
    """Return what sends the next batch; made anew each time, since certificates are replaced while a service runs."""
    config: configs.Settings = settings.CONFIG
    if config.audit_sink is None:
        raise NoSink("Set INVENTORY_AUDIT_SINK to syslog+tls://host:6514 or file:///folder/name.")
    try:
        sink = sink_at(config.audit_sink, authorities=config.audit_sink_authorities)
    except (UnknownSink, OSError) as error:
        raise NoSink(f"{config.audit_sink}: {error}") from error
    spelled, program, name = FORMATS[config.audit_sink_format], version("inventory-backend"), config.audit_sink
    return lambda: forward(sink, name=name, spell=lambda columns: spelled(columns, version=program))


def _ticks(seconds: float) -> Iterator[None]:
    parent = os.getppid()
    while os.getppid() == parent:
        yield
        time.sleep(seconds)
