"""A snapshot of a work tree or of a revision: which files there are, with their modes and contents."""

import os
import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from once import listing

# Where no git says what is ignored.
IGNORED = frozenset({".git", ".hg", ".venv", "node_modules", "__pycache__", "build", "dist"})
# A record of `git ls-files -z --debug`: what the index has of a file follows it.
RECORD = re.compile(
    rb"([^\0]*\0)(?:  ctime: (\d+):(\d+)\n  mtime: (\d+):(\d+)\n"
    rb"  dev: \d+\tino: \d+\n  uid: \d+\tgid: \d+\n  size: (\d+)\tflags: [0-9a-f]+\n)?"
)
WORD = 0xFFFFFFFF  # the index has times and sizes modulo 2**32
_SIZES: dict[str, bytes] = {}  # of objects, by their ids: a run looks at the work tree more than once
CONVERSIONS = (b"filter", b"text", b"eol", b"crlf", b"ident", b"working-tree-encoding")


class Entry(NamedTuple):
    """A file: its mode ("100644", "100755", "120000" symlink) and git's id of its content."""

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
    index: tuple[int, int, int, int] | None = None


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
    raw, recorded = _split(listing.listing(root, listing.begin(root, "--debug")))
    files, others = _parse(root, raw)
    plain = not others
    for path in others:
        files.pop(path, None)  # its files count, and not which commit they are of
        files.update(_nested(root, path))
    converts = _converts(root, folder, files)
    written = min(index[:2]) // 1_000_000_000 if index is not None else 0
    if converts and not converted:  # what is on the disk differs from what was committed, without any change
        written = WORD
    changed, clean = _on_disk(root, {path: files[path] for path in recorded if path in files}, recorded, written)
    differing = {*clean} if converts else _differing(root, files, clean)
    plain = plain and not changed and not differing
    files.update(changed)
    if converted:
        files.update(_read(root, files, differing))
    settled = index is None or time.time() * 1e9 > index[1] + listing.SETTLED * 1e9
    if plain and settled:
        return Snapshot(root=root, files=dict(sorted(files.items())), raw=raw, index=index)
    return Snapshot(root=root, files=dict(sorted(files.items())))


def _split(debugged: bytes) -> tuple[bytes, dict[str, tuple[int, ...]]]:
    """Return git's list as it is without `--debug`, and what the index has of each path: ctime, mtime in ns, size."""
    records, recorded = [], {}
    for found in RECORD.finditer(debugged):
        records.append(found[1])
        if found[1].startswith(b"H "):
            numbers = [int(each) for each in found.groups()[1:]]
            recorded[os.fsdecode(found[1][:-1].partition(b"\t")[2])] = tuple(numbers)
    return b"".join(records), recorded


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
        linked = path in files and files[path].mode == "160000"
        submodule = path.endswith("/") or (linked and not os.path.isfile(f"{root}/{path}"))
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
    """Yield the files of a repository inside the work tree: a submodule, or one that nobody added.

    A submodule without its repository may have files all the same.
    """
    inside = f"{root}/{path}"
    there = snapshot(inside).files if os.path.lexists(f"{inside}/.git") else _walk(inside)
    for name, entry in there.items():
        yield f"{path}/{name}", entry


def _on_disk(
    root: str,
    files: Mapping[str, Entry],
    recorded: Mapping[str, tuple[int, ...]],
    written: int,
) -> tuple[dict[str, Entry], dict[str, int]]:
    """Return the files that changed although git sees no difference, as they are on the disk, and the others' sizes.

    Git compares whole seconds, and takes a file whose mtime was set back for the one that it knows if both changes
    were in one second; nobody can set the ctime (git's Documentation/technical/racy-git.txt). Those that changed in
    the very second in which the index was written, or later, are read: its clock may not tell the two apart.
    """
    changed, clean = {}, {}
    for path, entry in files.items():
        try:
            found = os.lstat(f"{root}/{path}")
        except OSError:  # gone, or below something else
            continue
        times = divmod(found.st_ctime_ns, 1_000_000_000), divmod(found.st_mtime_ns, 1_000_000_000)
        now = tuple(number & WORD for number in (*times[0], *times[1], found.st_size))
        if now == recorded[path] and times[0][0] < written:
            clean[path] = found.st_size
            continue
        read = listing.entry(f"{root}/{path}", length=len(entry.digest))
        if read is not None and Entry(*read) != entry:
            changed[path] = Entry(*read)
    return changed, clean


def _differing(root: str, files: Mapping[str, Entry], clean: Mapping[str, int]) -> set[str]:
    """Return the files whose size is not that of their committed content.

    Git converted them when it wrote or read them: line ends, LFS. It may no longer be configured to do so.
    """
    wanted = sorted({files[path].digest for path in clean} - _SIZES.keys())
    if wanted:
        _SIZES.update(_sizes(root, wanted))
    return {path for path, size in clean.items() if _SIZES.get(files[path].digest) != b"%d" % size}


def _sizes(root: str, wanted: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield objects with their sizes."""
    command = ("git", "-C", root, "cat-file", "--batch-check=%(objectsize)", "--buffer")
    # A partial clone has what it has checked out; nothing is fetched for this.
    environ = listing.environment() | {"GIT_NO_LAZY_FETCH": "1"}
    done = subprocess.run(command, env=environ, input="\n".join(wanted).encode(), check=True, capture_output=True)
    yield from zip(wanted, done.stdout.split(b"\n"), strict=False)


def _converts(root: str, folder: str, files: Mapping[str, Entry]) -> bool:
    """Return whether git may write other bytes to the disk than it has stored, of the same size too."""
    attributes = [f"{root}/{path}" for path in files if path.endswith(".gitattributes")]
    common = folder.partition("/worktrees/")[0]
    for file in (*attributes, f"{common}/info/attributes"):
        try:
            with open(file, "rb") as opened:
                if any(word in line for line in opened for word in CONVERSIONS if not line.startswith(b"#")):
                    return True
        except (FileNotFoundError, NotADirectoryError):
            continue
    return False


def _read(root: str, files: Mapping[str, Entry], paths: Iterable[str]) -> Iterator[tuple[str, Entry]]:
    for path in paths:
        if found := listing.entry(f"{root}/{path}", length=len(files[path].digest)):
            yield path, Entry(*found)


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
        del files[path]  # as in a work tree
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
