"""Clients that cost little beside the server that they measure."""

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from uuid import uuid4

CLIENTS: Final = 8
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\ncontent-length:"
_BUFFER: Final = 1 << 16


class UnexpectedAnswer(Exception):
    """The server answered something else, so the number would mean nothing."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request, encoded once; those that need one get a new Idempotency-Key each time."""

    method: str
    target: str
    expect: int = 200
    body: bytes = b""
    token: str = ""
    has_key: bool = False
    _head: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Encode the head."""
        lines = [f"{self.method} {self.target} HTTP/1.1", "Host: localhost", "Accept: application/json"]
        if self.body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(self.body)}"]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        object.__setattr__(self, "_head", "\r\n".join(lines).encode())

    def encoded(self) -> bytes:
        """Return the bytes to send."""
        key = b"\r\nIdempotency-Key: " + str(uuid4()).encode() if self.has_key else b""
        return self._head + key + _HEAD_END + self.body


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._socket.close()

    def answer(self, call: Call) -> bytes:
        """Send a call and return the body of its answer.

        Raises:
            UnexpectedAnswer: The status is not the one that the call expects.
        """
        self._socket.sendall(call.encoded())
        data = b""
        while (end := data.find(_HEAD_END)) < 0:
            data += self._received()
        head = data[:end].lower()
        start = head.index(_LENGTH) + len(_LENGTH)
        size = int(head[start:].split(b"\r\n", 1)[0])
        chunks, missing = [data[end + 4 :]], size - (len(data) - end - 4)
        while missing > 0:
            chunks.append(self._received())
            missing -= len(chunks[-1])
        body = b"".join(chunks)
        if (status := int(head[9:12])) != call.expect:
            raise UnexpectedAnswer(f"{call.method} {call.target} answered {status}: {body[:500]!r}")
        return body

    def document(self, call: Call) -> Mapping[str, Any]:
        """Send a call and return its answer's JSON object."""
        document: Mapping[str, Any] = json.loads(self.answer(call))
        return document

    def _received(self) -> bytes:
        chunk = self._socket.recv(_BUFFER)
        if not chunk:
            raise UnexpectedAnswer("The server closed the connection.")
        return chunk


def rate(port: int, calls: Callable[[], Call], *, seconds: float, clients: int = CLIENTS) -> float:
    """Return the answers a second that all clients together get; each waits for one before its next call."""
    counts: list[int] = []
    failures: list[Exception] = []
    started = time.perf_counter()
    deadline = started + seconds

    def run() -> None:
        done = 0
        try:
            with Client(port) as client:
                while time.perf_counter() < deadline:
                    client.answer(calls())
                    done += 1
        except (OSError, UnexpectedAnswer) as failure:
            failures.append(failure)
        counts.append(done)

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(counts) / (time.perf_counter() - started)
