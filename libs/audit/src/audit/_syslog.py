"""Syslog messages as collectors read them from a stream: RFC 5424, each behind its length (RFC 5425, 4.3)."""

import re
import socket
from typing import Final

_APPLICATION: Final = "inventory"
_LOG_AUDIT: Final = 13  # the facility (RFC 5424, 6.2.1)
_WARNING, _NOTICE = 4, 5
_NOT_PRINTABLE: Final = re.compile(r"[^!-~]")
_LONGEST_HOSTNAME: Final = 255
_LONGEST_MSGID: Final = 32


def framed(text: str, *, at: str, action: str, is_grave: bool = False) -> bytes:
    """Return one message of a stream; `at` is an instant as RFC 3339 spells it, `action` tells messages apart.

    >>> framed("x=1", at="2026-11-23T10:30:00.250000Z", action="item.made").split(b" ")[1:3]
    [b'<109>1', b'2026-11-23T10:30:00.250000Z']
    """
    priority = _LOG_AUDIT * 8 + (_WARNING if is_grave else _NOTICE)
    host = _name(socket.gethostname(), _LONGEST_HOSTNAME)
    head = f"<{priority}>1 {at} {host} {_APPLICATION} - {_name(action, _LONGEST_MSGID)} -"
    message = f"{head} {text}".encode()
    return b"%d %b" % (len(message), message)


def _name(text: str, longest: int) -> str:
    return _NOT_PRINTABLE.sub("", text)[:longest] or "-"
