"""Where events go when they leave the house. A sink says that it has them, or it did not get them."""

import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from audit._syslog import framed

_SYSLOG_TLS: Final = "syslog+tls"
_FILE: Final = "file"
_PORT: Final = 6514  # RFC 5425, 4.1
_TIMEOUT_SECONDS: Final = 10.0


class NotDelivered(Exception):
    """A sink did not say that it has what was sent; send it again."""


class UnknownSink(ValueError):
    """An address is neither that of a collector nor that of a file."""

    def __init__(self) -> None:
        super().__init__(f"Name a sink as {_SYSLOG_TLS}://host:{_PORT} or {_FILE}:///folder/name.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An event as a collector reads it, with what a syslog message says about it."""

    text: str
    at: str
    action: str
    is_grave: bool = False


class Sink(Protocol):
    """Something that keeps lines in their order."""

    def deliver(self, lines: Sequence[Line]) -> None:
        """Return once the other side has every line.

        Raises:
            NotDelivered: it may have some, all or none of them.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogOverTls:
    """A collector that speaks syslog over TLS (RFC 5425), and proves its name.

    Syslog has no receipts. A batch is therefore a connection: whoever answers the end of ours (close_notify) with the
    end of theirs, as RFC 5425 (4.4) tells them to, has read what came before it. One that dies or is cut off does not.
    """

    host: str
    port: int
    context: ssl.SSLContext

    def deliver(self, lines: Sequence[Line]) -> None:
        """Send the lines over a connection of their own; raises `NotDelivered`."""
        data = b"".join(framed(line.text, at=line.at, action=line.action, is_grave=line.is_grave) for line in lines)
        try:
            with (
                socket.create_connection((self.host, self.port), timeout=_TIMEOUT_SECONDS) as plain,
                self.context.wrap_socket(plain, server_hostname=self.host) as secure,
            ):
                secure.sendall(data)
                secure.unwrap()
        except OSError as error:
            raise NotDelivered(f"{self.host}:{self.port}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that grows, one line for each event; it may be renamed away at any time, and is made anew."""

    path: Path

    def deliver(self, lines: Sequence[Line]) -> None:
        """Append the lines, and see them on the disk; raises `NotDelivered`."""
        data = "".join(f"{line.text}\n" for line in lines).encode()
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
            with open(descriptor, "a+b") as file:  # noqa: PTH123  (a descriptor has no path)
                file.write(_end_of_torn_line(descriptor) + data)
                file.flush()
                os.fsync(descriptor)
        except OSError as error:
            raise NotDelivered(f"{self.path}: {error}") from error


def _end_of_torn_line(descriptor: int) -> bytes:
    """Return what ends a line that a crash left half written."""
    size = os.fstat(descriptor).st_size
    return b"" if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n" else b"\n"


def sink_at(address: str, *, authorities: Path | None = None) -> Sink:
    """Return the sink at `syslog+tls://host:port` or `file:///path`.

    `authorities` is a file of certificates that the collector's is checked against; without one, the system's are.

    Raises:
        UnknownSink: the address is something else.
        OSError: `authorities` cannot be read, or holds no certificate.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise UnknownSink from None
    if parts.username is not None or parts.query or parts.fragment:
        raise UnknownSink
    if parts.scheme == _FILE and not parts.netloc and len(parts.path) > 1:
        return File(path=Path(parts.path))
    if parts.scheme == _SYSLOG_TLS and parts.hostname and port != 0 and parts.path in {"", "/"}:
        context = ssl.create_default_context(cafile=authorities)
        return SyslogOverTls(host=parts.hostname, port=port or _PORT, context=context)
    raise UnknownSink
