"""The jobs that changes since a revision affect, where what the revision was is known and no manifest changed.

Keys differ only by what a job may read: which package a changed file is of, and whether its dependents see it, then
says which keys do. A file that may mean more (a manifest, a declared input or output, a symlink) is left to comparing
keys, as `commands.affected` does. On the way of many runs: only built-in modules are imported here.
"""

from __future__ import annotations

import os
from time import time

from once import listing, memo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from once.checkout import Checkout

type Row = tuple[str, str, str]  # task, package, path
type Entry = tuple[str, str] | None  # mode and object id

PLAIN = frozenset({"100644", "100755"})
WORD = 0xFFFFFFFF  # git's index has times and sizes modulo 2**32
SECOND = 1_000_000_000  # in ns


class State:
    """What a work tree was like, at a time (`seen`, in seconds since the epoch) when git knew what each file was.

    `rows` are the jobs that are affected, `added` what the index has and the revision has not, `gone` the reverse,
    `untracked` what neither has; `is_clean` where all files are as in the index.
    """

    def __init__(self, seen: float, rows: list[Row], records: list[bytes], base: Mapping[str, Any]) -> None:
        """Tell them from git's list and what is known of the revision."""
        listed = [record for record in records if not record.startswith(b"? ")]
        paths, tracked = (
            {record.partition(b"\t")[2] for record in each} for each in (base["files"].split(b"\0"), listed)
        )
        self.seen, self.rows = seen, rows
        self.added, self.gone = (sorted(map(os.fsdecode, each)) for each in (tracked - paths, paths - tracked))
        self.untracked = [os.fsdecode(record[2:]) for record in records if record.startswith(b"? ")]
        self.is_clean = all(record.startswith(b"H ") for record in listed)


def owner(folder: str, owners: Mapping[str, str]) -> str | None:
    """Return the member that a folder belongs to: the one at the nearest folder above or at it."""
    while folder:
        if folder in owners:
            return owners[folder]
        folder = folder.rpartition("/")[0]
    return owners.get(".")


def is_source(inside: str) -> bool:
    """Return whether a member's dependents may read a file of it, by its path from the member's folder.

    They do not read its tests, and not the words at its top.
    """
    return not (inside.startswith("tests/") or ("/" not in inside and inside.endswith((".md", ".rst"))))


def file(root: str) -> str:
    """Return where the revision that was compared with last is kept."""
    return f"{memo.state_file(root)}.base"


def record(base: Checkout, commit: str) -> dict[str, Any] | None:
    """Return what there is to know of a revision for `since`; None where its changes are never told so simply."""
    workspace, files = base.workspace, base.snapshot.files
    if any(entry.mode not in PLAIN for entry in files.values()):
        return None
    jobs = workspace.jobs(workspace.tasks)
    patterns = {
        job.member.pattern(glob).partition(".toml#")
        for job in jobs
        for glob in (*job.definition.inputs, *job.definition.outputs)
    }
    return {
        "commit": commit,
        "is_default": b"\n[tool.once.tasks" not in base.keys.inputs.read("pyproject.toml"),
        "files": b"\0".join(
            f"{entry.mode} {entry.digest} 0\t{path}".encode(errors="surrogateescape") for path, entry in files.items()
        ),
        "named": sorted({_ends(base, before + (mark and ".toml")) for before, mark, _ in patterns}),
        "owners": {member.path: name for name, member in workspace.members.items()},
        "jobs": [
            (
                (job.task, job.member.name, job.member.path),
                [each.name for each in workspace.upstream(job)] if job.definition.upstream else [],
            )
            for job in jobs
        ],
    }


def _ends(base: Checkout, glob: str) -> tuple[str, str]:
    """Return how all paths begin and end (with a / before them) that a declared path or glob stands for, or may."""
    special = [at for at, character in enumerate(glob) if character in "*?[]"]
    if not special:
        return "" if glob == "." else glob, ""
    folder = glob[: special[0]].rpartition("/")[0]
    if folder and not base.keys.inputs.matching(glob):  # then all of the folder may count
        return folder, ""
    return glob[: special[0]], glob[special[-1] + 1 :]


def since(root: str, revision: str) -> tuple[list[Row], Callable[[], None]] | None:
    """Return the jobs that changes since a revision affect, and what lets `quick_since` tell the next ones.

    It is None where that is not told so simply.

    Raises:
        listing.GitStopped: See `listing.listing`.
    """
    folder = listing.git_folder(root)
    index = listing.index_state(folder) if folder is not None else None
    if index is None:
        return None
    asked, seen = commit(root, revision), time()
    listed = listing.begin(root, "--debug")
    base = memo.load(file(root))  # while git works
    records, unseen = _split(root, index, listing.listing(root, listed))
    found = listing.finish(asked)[1].decode("ascii").strip()
    if base is None or base["commit"] != found:
        return None
    unclean = set(listing.unclean(b"".join([record + b"\0" for record in records])))
    members, sources = set(), set()
    places = {name: path for path, name in base["owners"].items()}
    for path, old, new in _changes(root, records, unclean | unseen, base):
        if _is_special(path, old, new, base):
            return None
        name = owner(path.rpartition("/")[0], base["owners"])
        if name is not None:
            members.add(name)
            if is_source(path if places[name] == "." else path[len(places[name]) + 1 :]):
                sources.add(name)
    rows = [row for row, upstream in base["jobs"] if row[1] in members or not sources.isdisjoint(upstream)]

    def keep() -> None:
        from once import quick_since

        if unseen <= unclean:
            quick_since.write(root, base, State(seen, rows, records, base))

    return rows, keep


def commit(root: str, revision: str) -> tuple[int, int]:
    """Start git, which prints the object id of a revision, or nothing where it is none."""
    words = ("git", "-C", root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return listing.start(words)


def _changes(
    root: str, records: list[bytes], unclean: set[str], base: Mapping[str, Any]
) -> Iterator[tuple[str, Entry, Entry]]:
    """Yield each path that is not as in the revision, with what was there and what is."""
    known, now = set(base["files"].split(b"\0")), {record[2:] for record in records if record.startswith(b"H ")}
    old, new = _entries(known - now), _entries(now - known)
    if unclean:
        same = {path: entry for path, entry in _entries(known & now).items() if path in unclean}
        length = base["files"].index(b"\t") - len("100644  0")
        old |= same
        new |= {path: listing.entry(f"{root}/{path}", length=length) or _folder(f"{root}/{path}") for path in unclean}
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            yield path, old.get(path), new.get(path)


def _folder(path: str) -> Entry:
    """Return an entry for a folder where a file is expected: a repository of its own."""
    return ("040000", "") if os.path.isdir(path) else None


def _entries(records: Iterable[bytes]) -> dict[str, Entry]:
    """Return mode and object id of each path."""
    found: dict[str, Entry] = {}
    for record in records:
        about, _, path = record.partition(b"\t")
        mode, digest, _ = about.decode("ascii").split(" ")
        found[os.fsdecode(path)] = mode, digest
    return found


def _split(root: str, index: tuple[int, ...], raw: bytes) -> tuple[list[bytes], set[str]]:
    """Return the records of git's list without `--debug`, and the paths that changed although git sees nothing.

    `git.snapshot` says how that may be.
    """
    written, above = min(index[:2]) // SECOND, os.fsencode(f"{root}/")
    records: list[bytes] = []
    changed = set()
    for part in raw.split(b"\0"):
        record = part
        if part.startswith(b"  ctime: "):
            end = part.index(b"\n", part.index(b"\tflags: ")) + 1
            record, last = part[end:], records[-1]
            if last.startswith(b"H ") and not _is_same(above + last[last.index(b"\t") + 1 :], part, written):
                path = os.fsdecode(last[last.index(b"\t") + 1 :])
                _, mode, digest, _ = last.partition(b"\t")[0].decode("ascii").split(" ")
                if listing.entry(f"{root}/{path}", length=len(digest)) != (mode, digest):
                    changed.add(path)
        if record:
            records.append(record)
    return records, changed


def _is_same(path: bytes, part: bytes, written: int) -> bool:
    """Return whether a file's times and size are those in git's index, and older than the index."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    changed, modified = found.st_ctime_ns, found.st_mtime_ns
    seconds = changed // SECOND
    times = seconds & WORD, changed % SECOND, modified // SECOND & WORD, modified % SECOND
    size = b"\n  size: %d\t" % (found.st_size & WORD)
    return seconds < written and part.startswith(b"  ctime: %d:%d\n  mtime: %d:%d\n" % times) and size in part


def _is_special(path: str, old: Entry, new: Entry, base: Mapping[str, Any]) -> bool:
    """Return whether a change may mean more than that a file of its package is another."""
    if any(entry is not None and entry[0] not in PLAIN for entry in (old, new)):
        return True
    if path.rpartition("/")[2] in {"pyproject.toml", "uv.lock"}:
        return True
    # What a workspace that names no tasks does depends on where there are tests.
    if base["is_default"] and (old is None or new is None) and "/tests/" in f"/{path}":
        return True
    return any(path.startswith(begin) and f"/{path}".endswith(end) for begin, end in base["named"])
