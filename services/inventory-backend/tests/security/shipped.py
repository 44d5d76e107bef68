"""The service as it is shipped: `inventory serve`, a process of its own with the settings that a test gives it."""

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SERVICE = Path(__file__).parents[2]
_PATIENCE_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A server that answers on `port`; `log` is what it wrote to standard error and output."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Return status and body of one answer; raises OSError where none comes."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_SECONDS)
        try:
            client.request("GET", path, headers=dict(headers or {}))
            answer = client.getresponse()
            return answer.status, answer.read()
        finally:
            client.close()


def command(variables: Mapping[str, str], *words: str) -> list[str]:
    """Return the command line of `inventory WORDS` with exactly these variables beside PATH."""
    given = [f"{name}={value}" for name, value in variables.items()]
    return ["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", *given, sys.executable, "-m", "config.cli", *words]


@contextmanager
def serving(variables: Mapping[str, str], folder: Path) -> Iterator[Shipped]:
    """Serve until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = folder / "server.log"
    with (
        log.open("wb") as sink,
        subprocess.Popen(
            command(variables, "serve", "--port", str(port)), cwd=SERVICE, stdout=sink, stderr=sink
        ) as process,
    ):
        server = Shipped(port=port, log=log, process=process)
        try:
            _await_ready(server)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=_PATIENCE_SECONDS)


def _await_ready(server: Shipped) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            if server.get("/livez")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(server.log.read_text(errors="replace"))
