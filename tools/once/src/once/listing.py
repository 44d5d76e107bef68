"""What git lists of a work tree, in one process, and the content of what it knows is not clean.

On the way of every run: nothing but built-in modules is imported here.
"""

import os
from errno import ELOOP

# Tracked with mode and object id, modified, deleted, untracked; `-v` tells what git was told not to look at.
# The configuration lets git trust a file only where all of its stat data, its mode included, is unchanged.
COMMAND = (
    *("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.fileMode=true"),
    *("-c", "core.checkStat=default", "-c", "core.trustctime=true", "-c", "core.ignoreStat=false"),
    # What is on the disk counts, as it is there and whatever its name's case, not as git would write or store it.
    *("-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", f"core.attributesFile={os.devnull}"),
    *("-c", "core.ignoreCase=false", "-c", "core.symlinks=true"),
    # bin/once asks for the two halves at once, -o and -s -m -d, as they follow in the list.
    *("ls-files", "-v", "--exclude-standard", "-z", "-o", "-s", "-m", "-d"),
)
LINK, FILE, FOLDER = 0o120000, 0o100000, 0o040000
SETTLED = 2  # seconds: git compares whole seconds, and a file system's clock may lag behind


class GitStopped(Exception):
    """Git could not list the work tree; its own message is on stderr."""


def root_of(folder: str) -> str | None:
    """Return the nearest folder above (or at) one that has a pyproject.toml beside a uv.lock."""
    while True:
        if os.path.isfile(f"{folder}/uv.lock") and os.path.isfile(f"{folder}/pyproject.toml"):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def git_folder(folder: str) -> str | None:
    """Return the git folder (of this worktree) that a folder belongs to, None where there is none."""
    while True:
        inside = f"{folder}/.git"
        if os.path.isdir(inside):
            return inside
        if os.path.isfile(inside):
            with open(inside, encoding="utf-8") as pointer:
                return os.path.join(folder, pointer.read().removeprefix("gitdir:").strip())
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def environment() -> dict[str, str]:
    """Return the environment without git's own variables: a hook's index or folder is not the work tree's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def start(command: tuple[str, ...]) -> tuple[int, int]:
    """Start a command and return its process id and where its output can be read."""
    reader, writer = os.pipe()
    try:
        pid = os.posix_spawnp(command[0], command, environment(), file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)])
    except FileNotFoundError:
        os.close(reader)
        raise GitStopped("git is not installed: install it, or remove .git to list files without it") from None
    finally:
        os.close(writer)
    return pid, reader


def finish(started: tuple[int, int]) -> tuple[int, bytes]:
    """Return the exit code of what was started, and all that it printed."""
    pid, reader = started
    chunks = []
    while chunk := os.read(reader, 1 << 20):
        chunks.append(chunk)
    os.close(reader)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), b"".join(chunks)


def output(command: tuple[str, ...]) -> tuple[int, bytes]:
    """Run a command and return its exit code and what it printed.

    Raises:
        GitStopped: Git is not installed.
    """
    return finish(start(command))


def begin(root: str, *words: str) -> tuple[int, int]:
    """Start git's list of the work tree below a folder, for `listing`; `words` are added to `COMMAND`.

    Raises:
        GitStopped: Git is not installed.
    """
    return start((COMMAND[0], "-C", root, *COMMAND[1:], *words))


def listing(root: str, begun: tuple[int, int] | None = None) -> bytes:
    """Return git's list of the work tree below a folder: records of `COMMAND`, each ended by NUL.

    Raises:
        GitStopped: Git is not installed, or refuses.
    """
    status, raw = finish(begun or begin(root))
    if status:
        raise GitStopped(f"git could not list {root} (exit {status})")
    return raw


def index_state(folder: str) -> tuple[int, int, int, int] | None:
    """Return what tells whether git's index is the same: mtime, ctime (ns), size, inode; None before the first add."""
    try:
        found = os.stat(f"{folder}/index")
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def unclean(raw: bytes) -> list[str]:
    """Return the paths whose content no object id tells: modified, untracked, deleted, unwatched, unmerged."""
    raw = b"\0" + raw
    paths = set()
    for tag in (b"?", b"C", b"R", b"M", b"S", b"h", b"s", b"m", b"c", b"r"):
        start, mark = -1, b"\0" + tag + b" "
        while (start := raw.find(mark, start + 1)) >= 0:
            record = raw[start + 3 : raw.index(b"\0", start + 1)]
            paths.add(os.fsdecode(record if tag == b"?" else record.partition(b"\t")[2]))
    return sorted(paths)


def blob(content: bytes, *, length: int = 40) -> str:
    """Return git's object id of a content, of 40 (SHA-1) or 64 (SHA-256) hexadecimal digits."""
    # Rarely needed where all is cached. hashlib would load OpenSSL, which takes as long as Python's own start.
    from _sha1 import sha1  # type: ignore[import-not-found]  # typeshed knows hashlib only
    from _sha2 import sha256  # type: ignore[import-not-found]  # as above

    digest = sha256 if length == 64 else sha1  # noqa: PLR2004  # hexadecimal digits of the two
    found: str = digest(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return found


def entry(file: str, *, length: int = 40) -> tuple[str, str] | None:
    """Return mode and object id of what is at a path now; None where no file or link is.

    A file that may not be read has its own digest: no content gives the same.
    """
    try:
        found = os.lstat(file)
        kind = found.st_mode & 0o170000  # `stat` is one import more
        if kind == LINK:
            return "120000", blob(os.fsencode(os.readlink(file)), length=length)
        if kind != FILE:
            return None
        mode = "100755" if found.st_mode & 0o100 else "100644"
        with open(file, "rb") as opened:
            return mode, blob(opened.read(), length=length)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return "100644", "unreadable"
    except OSError as error:
        if error.errno == ELOOP:  # below what is now a link to itself
            return None
        raise


def through(file: str, above: tuple[tuple[int, int], ...] = ()) -> tuple[str, str] | None:
    """Return mode and object id of what is read at a path, links followed: a file, or all that is below a folder.

    Args:
        file: A path outside of git's list: ignored, or not in the work tree at all.
        above: The folders on the way, for a link that leads back to one of them.
    """
    try:
        found = os.stat(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return "120000", "unreadable"  # a link to itself, or a folder that may not be entered
    kind = found.st_mode & 0o170000
    if kind != FOLDER:
        return entry(os.path.realpath(file)) if kind == FILE else None
    here = found.st_dev, found.st_ino
    if here in above:
        return "040000", "circle"
    lines = []
    for name in sorted(os.listdir(file)):
        path = f"{file}/{name}"
        text = os.readlink(path) if os.path.islink(path) else ""
        lines.append(repr((name, text, name != ".git" and through(path, (*above, here)))))
    return "040000", blob("\n".join(lines).encode())
