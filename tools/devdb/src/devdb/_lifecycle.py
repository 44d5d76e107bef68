"""Starting and stopping a cluster's processes; every function here is called while `cluster.changing()`."""

import contextlib
import os
import shlex
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from devdb._account import Account
from devdb._binaries import Binaries
from devdb._cluster import PORT, SUPERUSER, Cluster, is_private, make_home
from devdb._placement import place_binaries, place_data
from devdb._unavailable import DevdbUnavailable

_PATIENCE_SECONDS = 60.0  # crash recovery, and orphans of a killed postmaster that have to notice
_PAUSE_SECONDS = 0.1
_FIRST_WITH_BUILTIN_LOCALE = 17
_PROCESSES_ARE_KNOWN = Path("/proc/self/cwd").exists()  # Linux

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_PROFILE_SETTINGS: Mapping[str, Mapping[str, str]] = {
    "dev": {"fsync": "on"},
    # A crash may cost the test databases; they are rebuilt anyway. Tests roll back: an ANALYZE that comes by itself
    # finds pages full of rows that are not there, and the next test's queries are planned for empty tables.
    "test": {"autovacuum": "off", "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"},
}


def start(cluster: Cluster, binaries: Binaries) -> int:
    """Start a cluster that doesn't answer, initialising it first if need be; return the server's version.

    Raises:
        DevdbUnavailable: it can't be started; carries the end of what PostgreSQL said.
    """
    make_home(cluster.home)
    cluster.state.mkdir(exist_ok=True)
    cluster.keep_mark.unlink(missing_ok=True)  # from before a crash
    binaries.save(cluster.binaries_note)
    account, data = place_data(cluster)
    usable = place_binaries(binaries, account)
    if not data.exists():
        _initialise(cluster, usable, account, data)
    _make_sockets(cluster, account)
    return _start_until_it_answers(cluster, usable, account, data)


def stop(cluster: Cluster) -> bool:
    """Stop the cluster if it runs; return whether it did.

    By signal, not by pg_ctl: it works for every account and when the binaries are gone.

    Raises:
        DevdbUnavailable: the server doesn't end.
    """
    cluster.keep_mark.unlink(missing_ok=True)
    data = cluster.data
    if data is None or (postmaster := _postmaster(data)) is None:
        return False
    os.kill(postmaster, signal.SIGINT)
    # The removal of its pid file is the last thing that a postmaster does.
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (data / "postmaster.pid").exists():
        if time.monotonic() > deadline:
            raise DevdbUnavailable(
                f"PostgreSQL (process {postmaster}) did not stop in {_PATIENCE_SECONDS:.0f} s: {_log(data)}"
            )
        time.sleep(_PAUSE_SECONDS / 4)
    with contextlib.suppress(OSError):
        cluster.sockets.rmdir()
    return True


def remove(cluster: Cluster) -> None:
    """Stop the cluster and remove its files."""
    stop(cluster)
    for folder in (cluster.sockets, cluster.state, cluster.elsewhere):
        if folder.exists():
            shutil.rmtree(folder)


def _initialise(cluster: Cluster, binaries: Binaries, account: Account, data: Path) -> None:
    fresh = data.with_name("data.new")  # renamed when complete, so that a kill leaves no half cluster
    if fresh.exists():
        shutil.rmtree(fresh)
    account.make_folder(fresh)
    command = [binaries.program("initdb"), "--pgdata", str(fresh), "--username", SUPERUSER]
    command += ["--auth-local=trust", "--auth-host=reject"]  # the socket's folder is private
    command += ["--encoding=UTF8", *_locale(binaries.major)]
    if cluster.profile == "test":
        command.append("--no-sync")
    said = account.run(command)
    if said.returncode != 0:
        raise DevdbUnavailable(f"initdb failed in {fresh}:\n{said.stdout}{said.stderr}")
    fresh.rename(data)


def _locale(major: int) -> list[str]:
    """Return the options for the same order of text on every system, by code point."""
    if major >= _FIRST_WITH_BUILTIN_LOCALE:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]


def _make_sockets(cluster: Cluster, account: Account) -> None:
    with contextlib.suppress(FileExistsError):
        account.make_folder(cluster.sockets)
    if not is_private(cluster.sockets, owner=account.uid):
        raise DevdbUnavailable(
            f"{cluster.sockets} is no private folder of user {account.uid}: remove it and try again."
        )


def _start_until_it_answers(cluster: Cluster, binaries: Binaries, account: Account, data: Path) -> int:
    settings = {**_SETTINGS, **_PROFILE_SETTINGS[cluster.profile]}
    settings["unix_socket_directories"] = str(cluster.sockets)
    options = shlex.join(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
    command = [binaries.program("pg_ctl"), "start", "--silent", "--wait", "--pgdata", str(data)]
    command += ["--log", str(_log(data)), "--options", options]
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        may_change = _is_occupied(cluster, data)
        said = account.run(command)
        if version := cluster.answers():
            return version
        if not may_change or time.monotonic() > deadline:
            raise DevdbUnavailable(
                f"PostgreSQL does not start in {data}:\n{said.stdout}{said.stderr}{_end_of_log(data)}"
            )
        time.sleep(_PAUSE_SECONDS)


def _is_occupied(cluster: Cluster, data: Path) -> bool:
    """Whether a refused start may succeed later: a killed postmaster's orphans are left, or one starts up.

    With none left, the lock files are those of a killed postmaster and go: PostgreSQL would take any process
    that has the number now, or a zombie that nobody reaps, for the old one.  With orphans they stay, since
    they guard the data against them.
    """
    if not _PROCESSES_ARE_KNOWN:
        return True
    if _processes_in(data):
        return True
    for leftover in (data / "postmaster.pid", *cluster.sockets.iterdir()):
        leftover.unlink(missing_ok=True)
    return False


def _postmaster(data: Path) -> int | None:
    """Return the process id of the postmaster that runs in a data folder."""
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="utf-8").partition("\n")[0])
    except (FileNotFoundError, ValueError):
        return None
    if _PROCESSES_ARE_KNOWN and pid not in _processes_in(data):
        return None
    return pid


def _processes_in(data: Path) -> set[int]:
    """Return the processes whose working directory is this folder, as it is for all of PostgreSQL's."""
    found: set[int] = set()
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if link.readlink() == data:
                found.add(int(link.parent.name))
    return found


def _log(data: Path) -> Path:
    return data / "postgres.log"


def _end_of_log(data: Path) -> str:
    try:
        return "\n".join(_log(data).read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
    except OSError:
        return ""
