"""The service under granian, on a database of the bench."""

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SERVICE: Final = Path(__file__).parents[1]
_START_TIMEOUT_S: Final = 60


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How many processes serve, with how many threads each."""

    workers: int = 2
    blocking_threads: int = 4


@dataclass(frozen=True, kw_only=True)
class Site:
    """A server that answers; `cold_start_s` is from starting the process to its first answer."""

    port: int
    pid: int
    cold_start_s: float

    def memory_mib(self) -> float:
        """Return the resident memory of all processes of the server, shared pages counted in each."""
        listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], check=True, capture_output=True, text=True)
        rows = [tuple(map(int, line.split())) for line in listing.stdout.splitlines()]
        family = {self.pid}
        # A process may be listed before its parent: look again until nobody joins.
        while joined := {pid for pid, parent, _ in rows if parent in family} - family:
            family |= joined
        return sum(rss for pid, _, rss in rows if pid in family) / 1024


def command(module: str, *arguments: str, settings: Mapping[str, str]) -> list[str]:
    """Return the command that runs a module with some settings in its environment, the rest as ours."""
    assignments = [f"{name}={value}" for name, value in settings.items()]
    return ["/usr/bin/env", *assignments, sys.executable, "-m", module, *arguments]


def settings_for(url: str, *, role: str) -> dict[str, str]:
    """Return the settings of the service on one database, as `role` ("none" is the owner)."""
    return {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "INVENTORY_STAGE": "dev",
        "INVENTORY_DATABASE_ROLE": role,
        "INVENTORY_ACCESS_TOKEN_SECONDS": "3600",  # nosec B105
        # Counted like everybody's, and never refused: the bench asks as one principal from one address.
        "INVENTORY_NETWORK_REQUESTS_PER_MINUTE": "1000000000",
        "INVENTORY_PRINCIPAL_REQUESTS_PER_MINUTE": "1000000000",
        "INVENTORY_LOG_LEVEL": "WARNING",  # a line for each request would bury the table
    }


@contextmanager
def serving(url: str, shape: Shape) -> Iterator[Site]:
    """Serve a database until the block ends.

    Raises:
        TimeoutError: The server did not answer within a minute.
        RuntimeError: It ended.
    """
    port = _free_port()
    arguments = ["--interface", "wsgi", "--no-ws", "--no-access-log", "--log-level", "warning"]
    arguments += ["--port", str(port), "--workers", str(shape.workers)]
    arguments += ["--blocking-threads", str(shape.blocking_threads), "bench.wsgi:application"]
    started = time.perf_counter()
    with subprocess.Popen(
        command("granian", *arguments, settings=settings_for(url, role="inventory_app")),
        cwd=SERVICE,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            _await_answer(process, port)
            yield Site(port=port, pid=process.pid, cold_start_s=time.perf_counter() - started)
        finally:
            process.terminate()


@contextmanager
def sealing(url: str) -> Iterator[int]:
    """Seal the audit trail of a database every second, as beside `inventory serve`; yield the sealer's pid."""
    settings = settings_for(url, role="inventory_app")
    with subprocess.Popen(
        command("config.cli", "audit", "seal", "--every", "1", settings=settings), cwd=SERVICE
    ) as one:
        try:
            yield one.pid
        finally:
            one.terminate()
            one.send_signal(signal.SIGCONT)  # it may stand still


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _await_answer(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended with {process.returncode} before it answered.")
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            client.request("GET", "/livez")
            if client.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.02)
        finally:
            client.close()
    raise TimeoutError(f"The server did not answer within {_START_TIMEOUT_S} seconds.")
