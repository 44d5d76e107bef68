"""A record from the outside: how a job gets one, and what it says afterwards."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from once.trace.site import once_log

_PATHS = frozenset({once_log.READ, once_log.ABSENT, once_log.FOLDER, once_log.SEARCHED})
_SITE = str(Path(__file__).parent / "site")


class RecordLost(Exception):
    """The record misses entries: the disk was full, or the folder was taken away while the job ran."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What a job read. Paths are relative to the root, with `/`, and lie within it; the environment's are left out.

    A symbolic link that was followed counts as a file, beside what it leads to. What the job made itself, before it
    read it, is left out.
    """

    files: frozenset[str]
    absent: frozenset[str]  # files that the job tried to open and that were not there
    folders: frozenset[str]  # folders whose names the job listed
    searched: frozenset[str]  # folders whose names Python listed in search of a module or a distribution
    variables: frozenset[str]
    hosts: frozenset[str]
    native: tuple[str, ...]  # programs that were started and not traced, as they were named, sorted


@dataclass(frozen=True)
class Entry:
    """One entry of a record: its letter, its instant in nanoseconds, its text."""

    kind: str
    time: int
    text: str


def environment(base: Mapping[str, str], *, record: str, root: str, names: Collection[str]) -> dict[str, str]:
    """Begin a record and return `base` with what makes Python processes write it.

    `record` is a folder, made when missing, that must be empty and that the job must be able to write. `names` are the
    variables that the job may read: they are not reported. `base` is passed on whole, declared or not.

    Raises:
        OSError: When the record cannot be written.
    """
    Path(record).mkdir(parents=True, exist_ok=True)
    folder = os.path.realpath(record)
    once_log.write_job(folder, once_log.Job(os.path.realpath(root), frozenset(names), frozenset(base)))
    existing = [entry for entry in base.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != _SITE]
    return {**base, "PYTHONPATH": os.pathsep.join([_SITE, *existing]), "ONCE_TRACE": folder}


def processes(record: str) -> Iterator[list[Entry]]:
    """Yield the entries of each process, in their order."""
    for file in sorted(Path(record).iterdir()):
        if file.name != "job":
            # What follows the last NUL was cut off by a kill: the process had not yet done what it announced.
            texts = file.read_bytes().split(b"\0")[:-1]
            heads = (os.fsdecode(text).partition(" ") for text in texts)
            yield [Entry(head[0], int(head[1:]), text) for head, _, text in heads]


def read(record: str, *, commands: Iterable[Sequence[str]] = ()) -> Trace:
    """Return what a job read, once all of its processes have ended.

    `commands` are those that the caller itself started in the environment: one that left no trace of its own is named
    in `native` like any other.

    Raises:
        RecordLost: When entries may be missing, so that the trace would say too little.
    """
    entries = inputs(record, list(processes(record)))
    found: dict[str, set[str]] = {}
    for entry in entries:
        found.setdefault(entry.kind, set()).add(entry.text)
    # The program comes before its words, the first of which may be any name.
    programs = [[command[0], *command] for command in commands]
    programs += [entry.text.split(once_log.WORDS) for entry in entries if entry.kind == once_log.PROGRAM]
    traced = [entry.text.split(once_log.WORDS)[2:] for entry in entries if entry.kind == once_log.PROCESS]
    return Trace(
        files=frozenset(found.get(once_log.READ, ())),
        absent=frozenset(found.get(once_log.ABSENT, ())),
        folders=frozenset(found.get(once_log.FOLDER, ())),
        searched=frozenset(found.get(once_log.SEARCHED, ())),
        variables=frozenset(found.get(once_log.VARIABLE, ())),
        hosts=frozenset(found.get(once_log.HOST, ())),
        native=_native(programs, traced),
    )


def inputs(record: str, every: Iterable[Iterable[Entry]]) -> list[Entry]:
    """Return the entries without those about paths that the job had made by then.

    Raises:
        RecordLost: When entries may be missing.
    """
    try:
        root, begun = once_log.read_job(record).root, Path(record, "job").stat().st_ctime_ns
    except OSError as error:
        raise RecordLost(f"The record of what the job read is lost ({error}). Is its disk full?") from error
    entries = [entry for entries in every for entry in entries]
    made: dict[str, int] = {}
    for entry in entries:
        if entry.kind == once_log.MADE and _is_younger(f"{root}/{entry.text}", begun):
            made[entry.text] = min(entry.time, made.get(entry.text, entry.time))
    return [entry for entry in entries if entry.kind not in _PATHS or not _made_before(entry, made)]


def _is_younger(path: str, begun: int) -> bool:
    """Tell whether something was really made: an attempt leaves the old file, whose change time nobody can set."""
    try:
        return os.lstat(path).st_ctime_ns >= begun
    except OSError:
        return True


def _made_before(entry: Entry, made: Mapping[str, int]) -> bool:
    path = entry.text
    while path:
        if made.get(path, entry.time + 1) <= entry.time:
            return True
        path = path.rpartition("/")[0]
    return False


def _native(programs: Iterable[list[str]], traced: Iterable[list[str]]) -> tuple[str, ...]:
    """Return the programs for which no process reported: each report answers for one start."""
    reports: dict[tuple[str, ...], list[int]] = {}
    for number, words in enumerate(traced):
        # A script's process has the interpreter, and one argument of the #! line at most, before its own words.
        for skipped in range(min(3, len(words))):
            reports.setdefault(_comparable(words[skipped:]), []).append(number)
    used: set[int] = set()
    native: set[str] = set()
    for program, *words in programs:
        unused = [number for number in reports.get(_comparable(words), ()) if number not in used]
        if unused:
            used.add(unused[0])
        else:
            native.add(program)
    return tuple(sorted(native))


def _comparable(words: list[str]) -> tuple[str, ...]:
    return (words[0].rpartition("/")[2], *words[1:]) if words else ()
