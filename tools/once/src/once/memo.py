"""What the last run in this checkout knew, so that a run in which all is cached reads one file and asks git once.

The memo holds everything that the keys were made from in its raw form; where all of it is unchanged, so are the keys.
On the way of every run: only built-in modules are imported here.
"""

from __future__ import annotations

import marshal
import os
import sys
from _blake2 import blake2b

from once import listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

type Stamp = tuple[str, int, int, int, int]  # an output's path, size, mtime and ctime in ns, inode

SCHEMA = "2"  # raised when what a key or a stored result means changes
FORMAT = 5  # raised when a memo's own fields change
SUM = 16  # bytes of the checksum before a memo


def cache_folder() -> str:
    """Return the cache's folder: ONCE_CACHE_DIR, or `once` in the user's cache."""
    environ = os.environ
    home = environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.abspath(environ.get("ONCE_CACHE_DIR") or f"{home}/once")


def interpreter() -> str:
    """Return what of the interpreter and the platform a result may depend on."""
    system = os.uname()
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else system.release
    version = sys.version.partition(" ")[0]
    return f"{sys.implementation.name} {version} {system.sysname} {system.machine} {libc}".lower()


def state_file(root: str) -> str:
    """Return where the memo of a checkout is kept."""
    return f"{cache_folder()}/state/{blake2b(os.fsencode(root), digest_size=16).hexdigest()}"


def load(file: str) -> dict[str, Any] | None:
    """Return what `save` wrote; None where there is nothing, or nothing that is whole."""
    try:
        with open(file, "rb") as opened:
            stored = opened.read()
    except OSError:
        return None
    if blake2b(stored[SUM:], digest_size=SUM).digest() != stored[:SUM]:
        return None
    try:
        found: dict[str, Any] = marshal.loads(stored[SUM:])  # noqa: S302  # our own file, its checksum just seen  # nosec B302
        return found if found["schema"] == (SCHEMA, FORMAT, sys.version) else None
    except (ValueError, EOFError, TypeError, KeyError):  # of another Python, or of a once that wrote other memos
        return None


def save(file: str, found: dict[str, Any]) -> None:
    """Replace a file by what `load` returns.

    Raises:
        OSError: The disk is full, or the folder may not be written.
    """
    os.makedirs(os.path.dirname(file), exist_ok=True)
    body = marshal.dumps(found | {"schema": (SCHEMA, FORMAT, sys.version)})
    beside = f"{file}.{os.getpid()}"
    try:
        with open(beside, "wb") as opened:
            opened.write(blake2b(body, digest_size=SUM).digest() + body)
        if os.path.isdir(file):
            import shutil

            shutil.rmtree(file)
        os.replace(beside, file)
    except OSError:
        if os.path.exists(beside):
            os.unlink(beside)
        raise


def read(root: str) -> dict[str, Any] | None:
    """Return the memo of a checkout; None where there is none, or none that is whole."""
    return load(state_file(root))


def write(root: str, memo: dict[str, Any]) -> None:
    """Replace the memo of a checkout, and the script that says the same.

    Raises:
        OSError: See `save`.
    """
    from once import quick

    save(state_file(root), memo)
    quick.write(root, memo)


def forget(root: str) -> None:
    """Remove the memo of a checkout, and the script that says the same."""
    from once import quick

    quick.remove(root, "run")
    if os.path.exists(state_file(root)):
        os.unlink(state_file(root))


def surroundings(root: str, raw: bytes, *, names: Iterable[str], loose: Iterable[str]) -> tuple[Any, ...]:
    """Return all that keys depend on beside git's list: contents it does not tell, variables, the interpreter.

    Args:
        root: The workspace's root.
        raw: Git's list.
        names: Environment variables of which a key has the value.
        loose: Files outside git's list (ignored, or reached by a symlink) of which a key has the content.
    """
    length = raw.find(b" ", raw.find(b"\0H ") + 10) - raw.find(b"\0H ") - 10
    length = 64 if length == 64 else 40  # noqa: PLR2004  # hexadecimal digits of the two
    contents = tuple((path, listing.entry(f"{root}/{path}", length=length)) for path in listing.unclean(raw))
    ignored = tuple((path, listing.through(os.path.join(root, path))) for path in loose)
    return contents, ignored, tuple((name, os.environ.get(name)) for name in names), interpreter()


def stamp(root: str, path: str) -> Stamp:
    """Return what tells whether something is on the disk as it was, or still is not there (a size of -1)."""
    try:
        found = os.lstat(f"{root}/{path}")
    except OSError:  # not there, or below something that is no folder
        return path, -1, 0, 0, 0
    return path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def unchanged(root: str) -> dict[str, Any] | None:
    """Return the memo where everything that its keys were made from is as it was."""
    folder = listing.git_folder(root)
    if folder is None:
        return None
    index = listing.index_state(folder)
    memo = read(root)
    if memo is None or memo["index"] != index:
        return None
    raw = listing.listing(root)
    if memo["raw"] != raw:
        return None
    if surroundings(root, raw, names=memo["names"], loose=memo["loose"]) != memo["surroundings"]:
        return None
    return memo
