"""One line for each thing worth knowing, on standard error: JSON for machines, colours for a terminal."""

import logging
import sys
from typing import Any

import msgspec
import structlog


def log_to_stderr(level: str) -> dict[str, Any]:
    """Send structlog's events to standard error from `level` up; return Django's own LOGGING for the same place.

    Standard output belongs to commands, whose answers (`--json`) are read by programs.
    """
    number = logging.getLevelNamesMapping()[level]
    is_terminal = sys.stderr.isatty()
    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(_for_people() if is_terminal else _for_machines()),
        ],
        logger_factory=_to_stderr,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {"apps": {"level": level}, "django.request": {"level": "ERROR"}},
    }


def _for_people() -> list[structlog.typing.Processor]:
    return [structlog.dev.ConsoleRenderer()]


def _for_machines() -> list[structlog.typing.Processor]:
    # A value of an unknown type is written as its text: a log line must never fail a request.
    encode = msgspec.json.Encoder(enc_hook=str).encode
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=lambda event, **_: encode(event).decode()),
    ]


def _to_stderr(*_: object) -> structlog.PrintLogger:
    # The stream that the process was started with: who replaces `sys.stderr` for a while closes the replacement too.
    return structlog.PrintLogger(sys.__stderr__)
