"""One cluster of a checkout: its files, whether it answers, and who uses it."""

import contextlib
import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from devdb._binaries import Binaries, Choice
from devdb._unavailable import DevdbUnavailable

SHARED_ROOT = Path("/var/lib/devdb")
"""Where root puts what the account of a cluster can't reach inside the checkout."""

# Not the value of TMPDIR: every user of a cluster has to find its socket.  Owner and mode are checked.
_SOCKETS_ROOT = "/tmp"  # noqa: S108  # nosec B108

SUPERUSER = "postgres"
_PRIVATE = 0o700
PORT = 5432  # only the name of the socket file; nothing listens on TCP


def home() -> Path:
    """Return the folder of this checkout's clusters.

    It is `DEVDB_HOME`, else `.devdb` beside the nearest uv.lock or .git above the working directory.

    Raises:
        DevdbUnavailable: the working directory is in no checkout.
    """
    if override := os.environ.get("DEVDB_HOME"):
        return Path(override).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "uv.lock").exists() or (folder / ".git").exists():
            return folder / ".devdb"
    raise DevdbUnavailable(f"{here} is in no checkout: change into one, or set DEVDB_HOME to a folder to use.")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The cluster of one profile and one kind of binaries."""

    home: Path
    profile: str
    label: str

    @property
    def state(self) -> Path:
        """The folder that holds everything of this cluster but its locks."""
        return self.home / f"{self.profile}-{self.label}"

    @property
    def binaries_note(self) -> Path:
        """The file that says which binaries the cluster was last started with."""
        return self.state / "binaries.json"

    @property
    def keep_mark(self) -> Path:
        """The file that lets the cluster run on when nobody uses it."""
        return self.state / "keep"

    @property
    def elsewhere(self) -> Path:
        """The folder for the data where the checkout can't hold them."""
        return SHARED_ROOT / self._digest

    @property
    def sockets(self) -> Path:
        """The private folder of the socket; short, since a socket's path has at most 107 bytes."""
        return Path(_SOCKETS_ROOT) / f"devdb-{self._digest}"

    @property
    def data(self) -> Path | None:
        """The data folder, if the cluster has been initialised."""
        for folder in (self.state / "data", self.elsewhere / "data"):
            if folder.exists():
                return folder
        return None

    @property
    def url(self) -> str:
        """The URL of the cluster's maintenance database."""
        return f"postgresql://{SUPERUSER}@/postgres?host={quote(str(self.sockets), safe='')}&port={PORT}"

    @property
    def _digest(self) -> str:
        # By path, so that a copied checkout gets a socket and data of its own.
        return hashlib.sha256(os.fsencode(self.state)).hexdigest()[:16]

    def answers(self) -> int | None:
        """Return the server's version (as in `server_version_num`) if it takes connections."""
        if (data := self.data) is None or not is_private(self.sockets, owner=data.stat().st_uid):
            return None
        try:
            with psycopg.connect(self.url, connect_timeout=5) as connection:
                return connection.info.server_version
        except psycopg.OperationalError:
            return None

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock under which the cluster is started, stopped and removed."""
        with self._open_lock("lock") as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Mark the cluster as used by this process; to be entered while `changing`."""
        with self._open_lock("use") as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield

    def is_used(self) -> bool:
        """Whether any process uses it; only true for longer than a moment while `changing`."""
        with self._open_lock("use") as descriptor:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def users(self) -> list[int]:
        """Return the process ids that use it, as far as the system tells (Linux does)."""
        locks = Path("/proc/locks")
        if not locks.exists():
            return []
        with self._open_lock("use") as descriptor:
            inode = os.fstat(descriptor).st_ino
        pattern = rf"FLOCK +ADVISORY +READ +(\d+) +\w+:\w+:{inode} "
        return sorted({int(pid) for pid in re.findall(pattern, locks.read_text(encoding="ascii"))})

    @contextlib.contextmanager
    def _open_lock(self, kind: str) -> Iterator[int]:
        # Beside the state folder, not in it: a lock on a removed file would exclude nobody.
        make_home(self.home)
        path = self.home / f"{self.state.name}.{kind}"
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def clusters(folder: Path, profile: str) -> list[tuple[Cluster, Binaries]]:
    """Return the clusters of a profile that were ever started, the newest major version first."""
    found: list[tuple[Cluster, Binaries]] = []
    for state in folder.glob(f"{profile}-*"):
        cluster = Cluster(home=folder, profile=profile, label=state.name.removeprefix(f"{profile}-"))
        try:
            found.append((cluster, Binaries.load(cluster.binaries_note)))
        except (OSError, ValueError):
            continue
    return sorted(found, key=lambda pair: pair[1].major, reverse=True)


def running(folder: Path, profile: str, choice: Choice) -> tuple[Cluster, Binaries] | None:
    """Return the cluster of a profile that answers, if there is one."""
    for cluster, binaries in clusters(folder, profile):
        if choice.fits(binaries) and cluster.answers():
            return cluster, binaries
    return None


def make_home(folder: Path) -> None:
    """Make the folder of the clusters, ignored by git.

    Raises:
        DevdbUnavailable: it belongs to another user.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
    except PermissionError as exc:
        raise _foreign(folder) from exc
    if not os.access(folder, os.W_OK):
        raise _foreign(folder)


def is_private(folder: Path, *, owner: int) -> bool:
    """Whether it is a real folder that this user and nobody else (but root) can enter."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == _PRIVATE and found.st_uid == owner


def _foreign(folder: Path) -> DevdbUnavailable:
    return DevdbUnavailable(
        f"This user can't write {folder}: run as its owner, or set DEVDB_HOME to a folder of your own."
    )
