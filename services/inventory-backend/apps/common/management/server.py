"""The HTTP server, inside the process that calls it, and the keepers of the audit trail beside it."""

import multiprocessing
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Final

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

import configs
from apps.common.management import base

TARGET = "config.wsgi:application"
_SEALER: Final = ("audit", "seal", "--every", "1")
_FORWARDER: Final = ("audit", "forward", "--every", "1")
_PATIENCE_SECONDS: Final = 10


class ServingCommand(base.Command):
    """A command that ends up serving."""

    def require_free(self, *, host: str, port: int) -> None:
        """Raise `CommandError` where something listens at the port already.

        granian would share the port with another granian, and each would get some of the requests.
        """
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                hint = f"Stop what listens there, or choose another one: --port {port + 1}"
                raise self.failed("port_taken", f"Port {port} is taken ({error.strerror}).", hint) from error


def serve(*, host: str, port: int, config: configs.Settings, is_quiet: bool = False) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished first.

    Each worker runs `blocking_threads` requests at once; more wait in line, so that the database's pool, which has a
    connection for each thread, is never fought over.

    SIGHUP replaces the workers one after the other. Each begins by reading its settings, so that is how a secret that
    was changed is taken up, without a restart and without a request that fails.
    """
    # A forked worker would have the settings, and the secrets, of this process for ever.
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        TARGET,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=config.workers,
        blocking_threads=config.blocking_threads,
        # How long an old worker serves on while its successor starts; a slow machine takes many seconds for that.
        respawn_interval=15,
        # Nobody waits for ever on a worker that will not end.
        workers_kill_timeout=10,
        websockets=False,
        log_level=LogLevels.warning if is_quiet else LogLevels.info,
        log_access=False,
    )
    with _beside(_SEALER), _beside(_FORWARDER) if config.audit_sink else nullcontext():
        server.serve()


@contextmanager
def _beside(command: Sequence[str]) -> Iterator[None]:
    """Run a command of ours while the block runs: what seals the audit trail, or sends it on.

    It is a process of its own, beside the workers, which sees when this one is gone. Of those of several servers one
    works at a time.
    """
    keeper = subprocess.Popen([sys.executable, "-m", "config.cli", *command], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        keeper.terminate()
        keeper.wait(timeout=_PATIENCE_SECONDS)
