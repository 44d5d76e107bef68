"""A snapshot of a work tree or of a revision: which files there are, with their modes and contents."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from once import listing

# Where no git says what is ignored.
IGNORED = frozenset({".git", ".hg", ".venv", "node_modules", "__pycache__", "build", "dist"})
CONVERSIONS = (b"filter", b"text", b"eol", b"crlf", b"ident", b"working-tree-encoding")


class Entry(NamedTuple):
    """A file: its mode ("100644", "100755", "120000" symlink, "160000" empty submodule) and git's id of its content."""

    mode: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The files below a folder, by path from it, sorted.

    `raw` is git's list and `index` its index's state, where these and the unclean files' contents tell everything;
    None where other things have to be looked at each time.
    """

    root: str
    files: Mapping[str, Entry]
    raw: bytes | None = None
    index: tuple[int, int, int] | None = None


class UnknownRevision(Exception):
    """Git knows no such revision."""


def snapshot(root: str, *, converted: bool = True) -> Snapshot:
    """Return the files of a work tree as they are now.

    Args:
        root: An absolute path.
        converted: Whether a file that git converts on checkout (line ends, LFS) counts by what is on the disk,
            which is what a job reads; False: by its committed content, to compare with a revision.
    """
    folder = listing.git_folder(root)
    if folder is None:
        return Snapshot(root=root, files=_walk(root))
    index = listing.index_state(folder)
    raw = listing.listing(root)
    files, others = _parse(root, raw)
    plain = not others
    for path in others:
        files.update(_nested(root, path))
    if converted and _converts(root, folder, files):
        plain = False
        files.update(_on_disk(root, files))
    racy, settled = _racy(root, files, index)
    files.update(racy)
    if plain and settled and not racy:
        return Snapshot(root=root, files=dict(sorted(files.items())), raw=raw, index=index)
    return Snapshot(root=root, files=dict(sorted(files.items())))


def _parse(root: str, raw: bytes) -> tuple[dict[str, Entry], list[str]]:
    """Return the files of git's list, and the folders that are repositories of their own."""
    files: dict[str, Entry] = {}
    others = []
    length = 40
    for record in raw.split(b"\0")[:-1]:
        if record.startswith(b"H "):
            about, _, name = record.partition(b"\t")
            _, mode, digest, _ = about.decode("ascii").split(" ")
            files[os.fsdecode(name)] = Entry(mode, digest)
            length = len(digest)
    for path in listing.unclean(raw):
        submodule = path.endswith("/") or (path in files and files[path].mode == "160000")
        found = None if submodule else listing.entry(f"{root}/{path}", length=length)
        if found is None:
            files.pop(path, None)
        else:
            files[path] = Entry(*found)
        if submodule and os.path.isdir(f"{root}/{path}"):
            others.append(path.rstrip("/"))
    submodules = [path for path, entry in files.items() if entry.mode == "160000"]
    return files, sorted({*others, *submodules})


def _nested(root: str, path: str) -> Iterator[tuple[str, Entry]]:
    """Yield the files of a repository inside the work tree: a submodule, or one that nobody added."""
    inside = f"{root}/{path}"
    if os.path.lexists(f"{inside}/.git"):
        for name, entry in snapshot(inside).files.items():
            yield f"{path}/{name}", entry


def _converts(root: str, folder: str, files: Mapping[str, Entry]) -> bool:
    """Return whether git may write other bytes to the disk than it has stored."""
    attributes = [f"{root}/{path}" for path in files if path.endswith(".gitattributes")]
    common = folder.partition("/worktrees/")[0]
    for file in (*attributes, f"{common}/info/attributes"):
        try:
            with open(file, "rb") as opened:
                if any(word in line for line in opened for word in CONVERSIONS if not line.startswith(b"#")):
                    return True
        except FileNotFoundError:
            continue
    command = ("git", "-C", root, "config", "--get-regexp", r"^core\.(autocrlf|eol|attributesfile)$")
    return any(not line.endswith((b" false", b" lf")) for line in listing.output(command)[1].splitlines())


def _on_disk(root: str, files: Mapping[str, Entry]) -> Iterator[tuple[str, Entry]]:
    for path, entry in files.items():
        if entry.mode.startswith("100") and (found := listing.entry(f"{root}/{path}", length=len(entry.digest))):
            yield path, Entry(*found)


def _racy(root: str, files: Mapping[str, Entry], index: tuple[int, int, int] | None) -> tuple[dict[str, Entry], bool]:
    """Return the files that changed in the very second in which the index was written, as they are on the disk.

    Git looks at such a file's content only by its mtime, in whole seconds, which anybody can set; nobody can set
    the ctime (git's Documentation/technical/racy-git.txt). The second value says whether this second is over, so
    that from now on each change shows.
    """
    if index is None:
        return {}, True
    written = index[0] // 1_000_000_000
    racy = {}
    for path, entry in files.items():
        try:
            changed = os.lstat(f"{root}/{path}").st_ctime_ns // 1_000_000_000
        except (FileNotFoundError, NotADirectoryError):
            continue
        found = listing.entry(f"{root}/{path}", length=len(entry.digest)) if changed >= written else None
        if found is not None and Entry(*found) != entry:
            racy[path] = Entry(*found)
    return racy, time.time() > written + listing.SETTLED


def _walk(root: str) -> dict[str, Entry]:
    """Return the files of a folder without git: all that are in no well-known folder of generated files."""
    files = {}
    for folder, names, here in os.walk(root):
        inside = folder[len(root) + 1 :]
        # A symlink to a folder is a name here, and a file to git.
        links = [name for name in names if os.path.islink(f"{folder}/{name}")]
        names[:] = sorted(
            name for name in names if name not in IGNORED and not name.startswith(".") and name not in links
        )
        for name in (*here, *links):
            if found := listing.entry(f"{folder}/{name}"):
                files[f"{inside}/{name}" if inside else name] = Entry(*found)
    return dict(sorted(files.items()))


def tree(root: str, revision: str) -> Snapshot:
    """Return the files of a revision below a folder.

    Raises:
        UnknownRevision: It does not exist here; in a shallow clone it may have to be fetched.
    """
    command = ("git", "-C", root, "ls-tree", "-r", "-z", "--end-of-options", revision)
    done = subprocess.run(command, env=listing.environment(), check=False, capture_output=True)
    if done.returncode:
        raise UnknownRevision(
            f"git knows no revision {revision!r} here: {done.stderr.decode(errors='replace').strip()}; "
            f"in a shallow clone fetch it first: git fetch origin {revision}"
        )
    files = {}
    for record in done.stdout.split(b"\0")[:-1]:
        about, _, name = record.partition(b"\t")
        mode, _, digest = about.decode("ascii").split(" ")
        files[os.fsdecode(name)] = Entry(mode, digest)
    for path, entry in [(path, entry) for path, entry in files.items() if entry.mode == "160000"]:
        if os.path.lexists(f"{root}/{path}/.git"):
            inside = tree(f"{root}/{path}", entry.digest).files
            files.update((f"{path}/{below}", found) for below, found in inside.items())
    return Snapshot(root=root, files=dict(sorted(files.items())))


def content(root: str, digests: Mapping[str, Entry]) -> dict[str, bytes]:
    """Return the contents of files of a revision, by path, in one process."""
    wanted = "".join(f"{entry.digest}\n" for entry in digests.values()).encode()
    command = ("git", "-C", root, "cat-file", "--batch")
    done = subprocess.run(command, env=listing.environment(), input=wanted, check=True, capture_output=True)
    found, at = {}, 0
    for path in digests:
        line = done.stdout.index(b"\n", at)
        size = int(done.stdout[at:line].rpartition(b" ")[2])
        found[path] = done.stdout[line + 1 : line + 1 + size]
        at = line + 2 + size
    return found
