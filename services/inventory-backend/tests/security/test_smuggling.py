"""Requests that two servers in a row could read differently, sent as bytes to the server as shipped (ASVS V4.2.1)."""

import socket
from collections.abc import Iterator
from typing import Final

import pytest

from conftest import Databases
from tests.security.shipped import Shipped, serving

PATH: Final = b"/api/v1/identity/token/revoke"
HOST: Final = b"Host: localhost\r\n"
JSON: Final = b"Content-Type: application/json\r\n"
# What would be answered if the rest of a body were taken for a request of its own.
SMUGGLED: Final = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: smuggled\r\n\r\n"
CHUNKED: Final = b"0\r\n\r\n" + SMUGGLED


def _post(headers: bytes, body: bytes = b"", *, line: bytes = b"POST " + PATH + b" HTTP/1.1\r\n") -> bytes:
    return line + HOST + JSON + headers + b"\r\n" + body


# name -> bytes. Each must be refused, or be read in the one way that lets nothing through after it.
TABLE: Final[dict[str, bytes]] = {
    "length and chunked": _post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    "chunked and length": _post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", CHUNKED),
    "length of all and chunked": _post(b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(CHUNKED), CHUNKED),
    "two lengths": _post(b"Content-Length: 0\r\nContent-Length: 70\r\n", SMUGGLED),
    "two lengths in one": _post(b"Content-Length: 0, 70\r\n", SMUGGLED),
    "length with a sign": _post(b"Content-Length: +0\r\n", SMUGGLED),
    "negative length": _post(b"Content-Length: -1\r\n", SMUGGLED),
    "length in hexadecimal": _post(b"Content-Length: 0x0\r\n", SMUGGLED),
    "length with a blank inside": _post(b"Content-Length: 0 0\r\n", SMUGGLED),
    "length that is no number": _post(b"Content-Length: none\r\n", SMUGGLED),
    "length beyond 64 bits": _post(b"Content-Length: 18446744073709551616\r\n", SMUGGLED),
    "blank before the colon": _post(b"Content-Length : 0\r\n", SMUGGLED),
    "tab before the colon": _post(b"Transfer-Encoding\t: chunked\r\n", CHUNKED),
    "unknown coding": _post(b"Transfer-Encoding: xchunked\r\n", CHUNKED),
    "chunked is not the last": _post(b"Transfer-Encoding: chunked, identity\r\n", CHUNKED),
    "chunked twice": _post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    "coding after a vertical tab": _post(b"Transfer-Encoding: \x0bchunked\r\n", CHUNKED),
    "coding with a NUL": _post(b"Transfer-Encoding: chunked\x00\r\n", CHUNKED),
    "coding and a folded line": _post(b"Transfer-Encoding:\r\n chunked\r\n", CHUNKED),
    "folded header": _post(b"X-Fold: a\r\n b\r\nContent-Length: 0\r\n", SMUGGLED),
    "first header begins with a blank": _post(b" Content-Length: 0\r\n", SMUGGLED),
    "bare line feeds": (b"POST " + PATH + b" HTTP/1.1\nHost: localhost\nX: y\rTransfer-Encoding: chunked\n\n")
    + CHUNKED,
    "bare carriage return in a value": _post(b"X: a\rContent-Length: 70\r\n", SMUGGLED),
    "NUL in a value": _post(b"X: a\x00b\r\nContent-Length: 0\r\n", SMUGGLED),
    "NUL in a name": _post(b"X\x00Y: a\r\nContent-Length: 0\r\n", SMUGGLED),
    "header without a colon": _post(b"Content-Length\r\n", SMUGGLED),
    "empty header name": _post(b": 0\r\n", SMUGGLED),
    "chunk size with a sign": _post(b"Transfer-Encoding: chunked\r\n", b"+0\r\n\r\n" + SMUGGLED),
    "chunk size in 0x": _post(b"Transfer-Encoding: chunked\r\n", b"0x0\r\n\r\n" + SMUGGLED),
    "chunk size beyond 64 bits": _post(b"Transfer-Encoding: chunked\r\n", b"10000000000000000\r\n\r\n" + SMUGGLED),
    "chunk that is longer than it says": _post(b"Transfer-Encoding: chunked\r\n", b"1\r\nab\r\n0\r\n\r\n" + SMUGGLED),
    "chunk extension with a bare line feed": _post(
        b"Transfer-Encoding: chunked\r\n", b"1;a\nb\r\nx\r\n0\r\n\r\n" + SMUGGLED
    ),
    "HTTP 1.0 and chunked": _post(
        b"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n", CHUNKED, line=b"POST " + PATH + b" HTTP/1.0\r\n"
    ),
    "HTTP 1.2": _post(b"Content-Length: 0\r\n", SMUGGLED, line=b"POST " + PATH + b" HTTP/1.2\r\n"),
    "HTTP 0.9": b"GET /livez\r\n\r\n" + SMUGGLED,
    "two blanks in the line": _post(b"Content-Length: 0\r\n", SMUGGLED, line=b"POST  " + PATH + b" HTTP/1.1\r\n"),
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    "line feed in the path": b"GET /livez\n HTTP/1.1\r\nHost: localhost\r\n\r\n" + SMUGGLED,
}


@pytest.fixture(scope="module")
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    name = databases.clone()
    variables = {"INVENTORY_STAGE": "test", "INVENTORY_WORKERS": "1", "INVENTORY_LOG_LEVEL": "ERROR"}
    variables["INVENTORY_DATABASE_URL"] = databases.server.url(name)
    try:
        with serving(variables, tmp_path_factory.mktemp("server")) as running:
            yield running
    finally:
        databases.drop(name)


def _answers(server: Shipped, content: bytes) -> bytes:
    """Return everything that the server says to `content` until it closes or has nothing more to say."""
    said, is_silent = b"", False
    with socket.create_connection(("127.0.0.1", server.port), timeout=1) as connection:
        connection.sendall(content)
        while True:
            try:
                part = connection.recv(65_536)
            except ConnectionResetError:
                return said
            except TimeoutError:
                if is_silent:
                    return said
                # A busy machine is silent too: once it answers somebody else, it had the time to answer here.
                assert server.get("/livez")[0] == 200
                is_silent = True
                continue
            if not part:
                return said
            said += part


def test_h6_a_request_of_its_own_is_answered(server: Shipped) -> None:
    assert b"smuggled" in _answers(server, SMUGGLED).lower()
    said = _answers(server, _post(b"Content-Length: 2\r\n", b"{}") + SMUGGLED)
    assert said.count(b"HTTP/1.1 ") == 2


@pytest.mark.parametrize("name", TABLE)
def test_h6_nothing_is_smuggled(server: Shipped, name: str) -> None:
    said = _answers(server, TABLE[name])
    first = said.split(b"\r\n", 1)[0]
    assert b"smuggled" not in said.lower(), said
    assert first == b"" or first.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400", b"HTTP/1.1 501", b"HTTP/1.1 505")), said


def test_h6_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 30
