"""The HTTP server, inside the process that calls it."""

import multiprocessing

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

import configs

TARGET = "config.wsgi:application"


def serve(*, host: str, port: int, config: configs.Settings, is_quiet: bool = False) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished first.

    Each worker runs `blocking_threads` requests at once; more wait in line, so that the database's pool, which has a
    connection for each thread, is never fought over.

    SIGHUP replaces the workers one after the other. Each begins by reading its settings, so that is how a secret that
    was changed is taken up, without a restart and without a request that fails.
    """
    # A forked worker would have the settings, and the secrets, of this process for ever.
    multiprocessing.set_start_method("spawn", force=True)
    Granian(
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
    ).serve()
