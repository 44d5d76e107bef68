"""What several tests stand on."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devdb import _lifecycle
from devdb._cluster import clusters
from devdb._server import PROFILES

USER = """
import sys

import psycopg

import devdb

with devdb.server(profile=sys.argv[1]) as server:
    with psycopg.connect(server.url()) as connection:
        started = connection.execute("SELECT pg_postmaster_start_time()::text").fetchone()[0]
    print(server.source, server.version, started, sep="|", flush=True)
    sys.stdin.readline()
"""


@dataclass(frozen=True)
class User:
    """Another process that uses a cluster until it is told to leave."""

    process: subprocess.Popen[str]

    def report(self) -> tuple[str, int, str]:
        """Wait until it is in; return source, version and start time of its server."""
        assert self.process.stdout is not None
        source, version, started = self.process.stdout.readline().strip().split("|")
        return source, int(version), started

    def leave(self) -> None:
        self.process.communicate("\n", timeout=300)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=300)


type Users = Callable[..., User]


def remove_clusters(folder: Path) -> None:
    for profile in PROFILES:
        for cluster, _ in clusters(folder, profile):
            with cluster.changing():
                _lifecycle.remove(cluster)
