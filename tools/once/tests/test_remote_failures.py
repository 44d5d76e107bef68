"""A remote that is dead, slow or talks nonsense: the run goes on, with one line on stderr."""

import socket
from contextlib import closing
from threading import Event, Thread

import pytest
from remote_server import (
    KEYS,
    RESULT,
    Nginx,
    nginx_fixture,  # noqa: F401 -- pytest finds the fixture by its presence here
    one_message,
    upload,
)

from once.remote.cache import RemoteStore
from once.remote.http_cache import HttpCache
from once.store import Result


def test_a_server_that_dies_is_said_once_and_left_alone(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    upload(nginx.cache(), *KEYS)
    cache = nginx.cache()
    assert cache.get(KEYS[0]) == RESULT
    nginx.kill()
    assert [cache.get(KEYS[1]), cache.get(KEYS[2])] == [None, None]
    nginx.start()
    assert cache.get(KEYS[0]) is None
    upload(cache, *KEYS)
    assert one_message(capsys) == (
        "GET fails (ConnectionRefusedError: [Errno 111] Connection refused); going on without it"
    )


def test_a_server_that_dies_during_uploads_is_said_once(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    cache = nginx.cache()
    nginx.kill()
    upload(cache, *KEYS)
    assert cache.get(KEYS[0]) is None
    assert one_message(capsys).startswith("PUT fails (ConnectionRefusedError")


def test_a_server_that_never_answers_is_left_after_the_timeout(capsys: pytest.CaptureFixture[str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        cache = HttpCache(url, readonly=False, secret=None, timeout=0.1)
        assert [cache.get(KEYS[0]), cache.get(KEYS[1])] == [None, None]
    assert one_message(capsys) == "GET fails (TimeoutError: timed out); going on without it"


def test_a_server_that_stops_answering_is_not_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        connections: list[socket.socket] = []

        def serve() -> None:
            connections.append(server.accept()[0])
            connections[0].recv(2**16)
            connections[0].sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

        thread = Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with closing(HttpCache(url, readonly=True, secret=None, timeout=0.2)) as cache:
            assert cache.get(KEYS[0]) is None
            thread.join()
            assert capsys.readouterr().err == ""
            assert cache.get(KEYS[0]) is None
        server.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        with pytest.raises(BlockingIOError):
            server.accept()
        connections[0].close()
    assert one_message(capsys) == "GET fails (TimeoutError: timed out); going on without it"


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it", b""],
    ids=["another protocol", "cut short", "nothing"],
)
def test_a_server_that_answers_nonsense_is_left_with_one_line(
    answer: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(2**16)
                connection.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        cache = HttpCache(f"http://127.0.0.1:{server.getsockname()[1]}", readonly=True, secret=None, timeout=5.0)
        assert cache.get(KEYS[0]) is None
        thread.join()
    assert one_message(capsys).startswith("GET fails (")


class Stuck(RemoteStore):
    """A remote that answers when `release` is set."""

    def __init__(self, *, patience: float) -> None:
        super().__init__(name="http://stuck", readonly=False, secret=None, patience=patience)
        self.release = Event()

    def _read(self, path: str, *, limit: int) -> bytes | None:
        del path, limit
        self.release.wait()
        return None

    def _write(self, path: str, data: bytes) -> None:
        del path, data
        self.release.wait()


def test_a_run_waits_no_longer_than_its_patience(capsys: pytest.CaptureFixture[str]) -> None:
    cache = Stuck(patience=0.1)
    assert [cache.get(KEYS[0]), cache.get(KEYS[1])] == [None, None]
    cache.release.set()
    assert one_message(capsys) == "it costs 0.1 s more than it saves; going on without it"


def test_a_run_does_not_wait_for_uploads_that_do_not_end(capsys: pytest.CaptureFixture[str]) -> None:
    cache = Stuck(patience=20.0)
    cache.put(KEYS[0], RESULT)
    cache.close(seconds=0.1)
    cache.release.set()
    assert one_message(capsys) == "uploads were not done 0.1 s after the run; the rest is left"


def test_what_a_hit_saves_may_be_waited_for(nginx: Nginx) -> None:
    hour = Result(exit_code=0, log=b"", outputs={}, seconds=3600.0, manifest=b"m")
    upload(nginx.cache(), KEYS[0], result=hour)
    cache = nginx.cache()
    assert cache.balance == 20.0
    assert cache.get(KEYS[1]) is None
    assert cache.balance < 20.0
    assert cache.get(KEYS[0]) == hour
    assert 3600.0 < cache.balance < 3620.0


def test_a_server_that_refuses_uploads_is_still_read(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    upload(nginx.cache(), KEYS[0])
    cache = nginx.cache("{}/readonly")
    upload(cache, KEYS[1], KEYS[2])
    assert [cache.get(KEYS[0]), cache.get(KEYS[1])] == [RESULT, None]
    assert one_message(capsys) == "PUT is answered with 405 Not Allowed; nothing more is uploaded in this run"
    assert sum(line.startswith("PUT /readonly") for line in nginx.requests()) == 1


def test_an_address_that_knows_no_uploads_is_said(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    upload(nginx.cache("{}/unknown"), KEYS[0])
    assert one_message(capsys) == "PUT is answered with 404 Not Found; nothing more is uploaded in this run"


def test_redirects_are_not_followed(nginx: Nginx, capsys: pytest.CaptureFixture[str]) -> None:
    assert nginx.cache("{}/moved").get(KEYS[0]) is None
    assert one_message(capsys) == "GET is answered with 302 Moved Temporarily; going on without it"
