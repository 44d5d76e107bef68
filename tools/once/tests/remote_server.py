"""A real remote for tests: nginx with WebDAV, started by each test as its own process."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path

import pytest

from once.remote.http_cache import HttpCache
from once.store import Result

NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    log_format requests '$request_method $uri $status $connection_requests';
    access_log {folder}/access.log requests;
    client_body_temp_path {folder}/tmp; proxy_temp_path {folder}/tmp; fastcgi_temp_path {folder}/tmp;
    scgi_temp_path {folder}/tmp; uwsgi_temp_path {folder}/tmp;
    server {{
        listen 127.0.0.1:{port} {tls};
        root {folder}/root;
        client_max_body_size 0;
        location / {{ dav_methods PUT; create_full_put_path on; }}
        location /readonly {{ alias {folder}/root; }}
        location /unknown {{ return 404; }}
        location /moved {{ return 302 http://127.0.0.1:{port}/; }}
        location /password {{
            auth_basic once; auth_basic_user_file {folder}/users; alias {folder}/root; dav_methods PUT;
        }}
        location /token {{
            if ($http_authorization != "Bearer t0ken") {{ return 403; }}
            alias {folder}/root; dav_methods PUT;
        }}
    }}
}}
"""
SECRET = b"of the main branch"
KEYS = [sha256(b"%d" % number).hexdigest() for number in range(3)]
RESULT = Result(
    exit_code=0,
    log=b"\x1b[32m1 passed\x1b[0m\n",
    outputs={
        "build/tests/a.xml": ("100644", b"<testsuites/>"),
        "build/run": ("100755", b"#!/bin/sh\n"),
        "build/latest": ("120000", b"tests/a.xml"),
        "build/empty": ("100644", b""),
    },
    seconds=1.5,
    manifest=b"libs/rbac/src/rbac/policy.py 100644 3f2a\n",
)


class Nginx:
    """A server in a folder, on one port over restarts."""

    def __init__(self, folder: Path, *, tls: str = "") -> None:
        if shutil.which("nginx") is None:
            pytest.skip("nginx is not installed: apt-get install nginx-light")
        self.folder = folder
        self.root = folder / "root"
        self.root.mkdir()
        (folder / "tmp").mkdir()
        (folder / "users").write_text("ci:{PLAIN}p@ss\n")
        with closing(socket.create_server(("127.0.0.1", 0))) as server:
            self.port: int = server.getsockname()[1]
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=self.port, tls=tls))
        self.scheme = "" if tls else "http://"  # without a scheme it is https
        self._caches: list[HttpCache] = []
        self.start()

    def start(self) -> None:
        command = ["nginx", "-p", str(self.folder), "-e", str(self.folder / "error.log")]
        self._process = subprocess.Popen([*command, "-c", str(self.folder / "nginx.conf")])
        for _ in range(500):
            assert self._process.poll() is None, (self.folder / "error.log").read_text()
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        self.kill()
        pytest.fail("nginx does not listen")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def cache(
        self, at: str = "{}", *, readonly: bool = False, secret: bytes | None = None, token: str | None = None
    ) -> HttpCache:
        """Returns a client of the address `at`, where {} is the server's host and port."""
        url = self.scheme + at.format(f"127.0.0.1:{self.port}")
        self._caches.append(HttpCache(url, readonly=readonly, secret=secret, timeout=5.0, token=token))
        return self._caches[-1]

    def close(self) -> None:
        for cache in self._caches:
            cache.close()
        self.kill()

    def objects(self) -> list[str]:
        return sorted(path.parent.name for path in self.root.rglob("*") if path.is_file())

    def requests(self) -> list[str]:
        """Returns of each request the method, path, status, and which of its connection's requests it was."""
        # A request is logged after its answer is sent, but before the next one is looked at: there is one process.
        with closing(HTTPConnection("127.0.0.1", self.port)) as connection:
            connection.request("GET", "/last")
            connection.getresponse().read()
        lines = (self.folder / "access.log").read_text().splitlines()
        return [line for line in lines if "/last" not in line]


@pytest.fixture(name="nginx")
def nginx_fixture(tmp_path: Path) -> Iterator[Nginx]:
    with closing(Nginx(tmp_path)) as server:
        yield server


def upload(cache: HttpCache, *keys: str, result: Result = RESULT) -> None:
    for key in keys:
        cache.put(key, result)
    cache.close(seconds=30)


def one_message(capsys: pytest.CaptureFixture[str]) -> str:
    """Returns what was said after the remote's address, which must be a single line."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("once: remote http")
    return lines[0].split(": ", 2)[2]
