"""F4: the one way out. Names are resolved by the tests' own table; connections are real."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from apps.common.outbound import Outbound, OutboundFailed

STRICT = Outbound()
NEAR = Outbound(allows_loopback=True, seconds=1.0, largest=1000)
PRIVATE = [
    "127.0.0.1",
    "127.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104  (where nobody listens)
    "224.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "2001:db8::1",
]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://127.0.0.1/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "example.com",
        "",
        "https://",
        "https:///path",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://example.com/#fragment",
        "https://example.com:port/",
        "https://example.com:99999/",
        "https://[::1/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: evil",
        "https://exämple.com/",
        "javascript:alert(1)",
    ],
)
def test_f4_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(OutboundFailed):
        STRICT.get(url)


@pytest.mark.parametrize("address", PRIVATE)
def test_f4_a_name_with_an_address_that_is_not_public_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(*_: object, **__: object) -> list[Any]:
        # One public address beside it makes it no better.
        return [(None, None, None, "", (text, 443)) for text in ("93.184.216.34", address)]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with pytest.raises(OutboundFailed, match="not public"):
        STRICT.get("https://rebound.example.com/")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:7f00:1]"])
def test_f4_loopback_in_another_spelling_is_refused(host: str) -> None:
    with pytest.raises(OutboundFailed):
        STRICT.get(f"https://{host}/")


def test_f4_a_host_of_ones_own_network_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.255.255.1", 443))]
    asked: list[object] = []

    def nobody_there(address: object, *_: object, **__: object) -> None:
        asked.append(address)
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", nobody_there)
    with pytest.raises(OutboundFailed, match="not public"):
        STRICT.get("https://idp.internal/")
    assert asked == []
    with pytest.raises(OutboundFailed, match="does not answer"):
        Outbound(private_hosts=frozenset({"idp.internal"})).get("https://idp.internal/")
    assert asked == [("10.255.255.1", 443)]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def _served(listener: socket.socket, *chunks: bytes, pause: float = 0.0) -> threading.Thread:
    """Answer one connection with chunks, waiting after each."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            for chunk in chunks:
                try:
                    connection.sendall(chunk)
                except OSError:
                    return
                time.sleep(pause)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("chunks", "pause", "why"),
    [
        ([b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"], 0, "redirect"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", b"x" * 2000], 0, "over 1000 bytes"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"7d0\r\n" + b"x" * 2000 + b"\r\n"], 0, "over"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", *[b"x"] * 30], 0.1, "Timeout"),
        ([b"HTTP/1.1 200 OK\r\n", *[b"X-A: b\r\n"] * 30], 0.1, "Timeout"),
        ([b"nonsense\r\n\r\n"], 0, "ProtocolError"),
        ([b""], 0, "ProtocolError"),
    ],
)
def test_f4_an_answer_is_capped_in_size_and_time(
    listener: socket.socket, chunks: list[bytes], pause: float, why: str
) -> None:
    thread = _served(listener, *chunks, pause=pause)
    try:
        with pytest.raises(OutboundFailed, match=why):
            NEAR.get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    finally:
        thread.join()


def test_an_answer_comes_back(listener: socket.socket) -> None:
    thread = _served(listener, b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}')
    reply = NEAR.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", b"a=b", {"Content-Type": "x"})
    thread.join()

    assert (reply.status, reply.json()) == (200, {"a": 1})


def test_f4_a_name_that_is_not_resolved_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def never(*_: object, **__: object) -> list[object]:
        release.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    try:
        with pytest.raises(OutboundFailed, match="ConnectTimeout"):
            Outbound(seconds=0.05).get("https://slow.example.com/")
    finally:
        release.set()
