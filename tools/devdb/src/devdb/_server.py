"""A server to use for a while: the one of `DATABASE_URL`, or a cluster of this checkout."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import parse_qsl, quote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from devdb import _lifecycle
from devdb._binaries import Binaries, Choice, find_binaries
from devdb._cluster import Cluster, home, running
from devdb._unavailable import DevdbUnavailable

type Profile = Literal["dev", "test"]
type Source = Literal["environment", "running", "wheel", "system"]

PROFILES: tuple[Profile, ...] = ("dev", "test")
MAINTENANCE = "postgres"
"""The database that every server has, to create the others from."""

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, kw_only=True)
class Server:
    """A PostgreSQL server that takes connections.

    `source` says where it comes from, `version` is `server_version_num` (180006 is 18.6), and `is_local`
    whether it is on this machine, as far as its address tells.
    """

    profile: Profile
    source: Source
    version: int
    is_local: bool
    base_url: str = field(repr=False)  # may hold a password

    def url(self, database: str | None = None) -> str:
        """Return the URL of a database; without a name, the one that the server was given with."""
        if database is None:
            return self.base_url
        parts = urlsplit(self.base_url)
        # A dbname in the query would win over the path.
        query = [(key, value) for key, value in parse_qsl(parts.query) if key != "dbname"]
        suffix = "?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in query) if query else ""
        return f"{parts.scheme}://{parts.netloc}/{quote(database, safe='')}{suffix}"


@contextlib.contextmanager
def server(*, profile: Profile = "dev") -> Iterator[Server]:
    """Give a server for the time of a `with` block, starting one if none is there.

    Any number of processes may use one cluster at once; the last to leave stops it.  The profile "dev" keeps
    what was committed through a crash of the machine, "test" trades that for speed.

    Raises:
        DevdbUnavailable: there is none and none can be started.
    """
    if profile not in PROFILES:
        raise ValueError(f"Unknown profile {profile!r}: use one of {', '.join(PROFILES)}.")
    if given := os.environ.get("DATABASE_URL"):
        yield _given(given, profile)
        return
    cluster, binaries = find_cluster(profile)
    with contextlib.ExitStack() as use:
        with cluster.changing():
            use.enter_context(cluster.used())
            found = join(cluster, binaries, profile=profile)
        try:
            yield found
        finally:
            with cluster.changing():
                use.close()
                if not cluster.keep_mark.exists() and not cluster.is_used():
                    _lifecycle.stop(cluster)


def find_cluster(profile: Profile) -> tuple[Cluster, Binaries]:
    """Return the cluster to use, running or not, and the binaries to start it with."""
    folder, choice = home(), Choice.from_environment()
    if found := running(folder, profile, choice):
        return found
    binaries = find_binaries(choice)
    return Cluster(home=folder, profile=profile, label=binaries.label), binaries


def join(cluster: Cluster, binaries: Binaries, *, profile: Profile) -> Server:
    """Return the server of a cluster, starting it if it doesn't answer; to be called while `changing`."""
    source: Source = "running"
    if (version := cluster.answers()) is None:
        version = _lifecycle.start(cluster, binaries)
        source = binaries.supplier
    return Server(profile=profile, source=source, version=version, is_local=True, base_url=cluster.url)


def _given(url: str, profile: Profile) -> Server:
    """Return the server of `DATABASE_URL`, which need not have the URL's database yet.

    Raises:
        DevdbUnavailable: it is no URL, or nothing answers there.
    """
    if urlsplit(url).scheme not in {"postgresql", "postgres"}:
        raise DevdbUnavailable("DATABASE_URL is not a URL like postgresql://user@host/database.")
    unasked = Server(profile=profile, source="environment", version=0, is_local=_is_local(url), base_url=url)
    try:
        return replace(unasked, version=_version(url))
    except psycopg.OperationalError as exc:
        with contextlib.suppress(psycopg.OperationalError):
            return replace(unasked, version=_version(unasked.url(MAINTENANCE)))
        raise DevdbUnavailable(f"DATABASE_URL is set but its server can't be used: {exc}") from exc


def _version(url: str) -> int:
    with psycopg.connect(url, connect_timeout=10) as connection:
        return connection.info.server_version


def _is_local(url: str) -> bool:
    host = str(conninfo_to_dict(url).get("host") or "")
    return host in _LOOPBACK or not host or host.startswith(("/", "@"))
