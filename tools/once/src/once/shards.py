"""A part of a task's test files: as many parts as there are machines, each about as long, all together all files.

All machines have to cut alike. Files are those of the checkout, and their seconds come from the JUnit reports among the
outputs of earlier passes in the local store: let the machines begin with the same one. What pytest finds beside the
usual names of test files is dealt by its name, so that no file is in two parts, or in none.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from itertools import islice
from pathlib import PurePosixPath
from typing import NamedTuple

from once import junit
from once.inputs import Inputs
from once.keys import Keys
from once.parts import dealt
from once.store import LocalStore, Pass, Result
from once.workspace import BadWorkspace, Job

_LOOKED_AT = 8  # passes of a job, for their seconds


class Shard(NamedTuple):
    """Part `number` (from 1) of `total`."""

    number: int
    total: int

    def __str__(self) -> str:
        """Return how it is written on the command line."""
        return f"{self.number}/{self.total}"


def parse(text: str) -> Shard:
    """Read `k/N`.

    Raises:
        BadWorkspace: It is none, or k is not from 1 to N.
    """
    number, _, total = text.partition("/")
    if not (number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
        raise BadWorkspace(f"--shard {text}: write which part of how many, such as 1/4")
    return Shard(int(number), int(total))


def cut(seconds: Mapping[str, float], count: int) -> list[list[str]]:
    """Deal files to `count` parts: the longest first, each to the part that is shortest so far (Graham 1969, LPT).

    Equal seconds give equal parts everywhere: ties go by name, and to the first part.
    """
    parts: list[list[str]] = [[] for _ in range(count)]
    loads = [(0.0, number) for number in range(count)]
    heapify(loads)
    for file in sorted(seconds, key=lambda each: (-seconds[each], each)):
        load, number = heappop(loads)
        parts[number].append(file)
        heappush(loads, (load + seconds[file], number))
    return [sorted(part) for part in parts]


def part(job: Job, shard: Shard, keys: Keys, store: LocalStore, history: Mapping[str, list[Pass]]) -> Job | None:
    """Return a job with its files of a part; None where it is not divided and belongs to another part."""
    if not is_pytest(job):
        return job if dealt(str(job), number=shard.number, count=shard.total) else None
    files = test_files(job, keys.inputs)
    known = recorded(files, _earlier(job, keys, store, history))
    usual = sorted(known.values())[len(known) // 2] if known else 1.0
    ours = cut({file: known.get(file, usual) for file in files}, shard.total)[shard.number - 1]
    return job._replace(part=str(shard), files=tuple(ours), others=tuple(sorted({*files} - {*ours})))


def _earlier(job: Job, keys: Keys, store: LocalStore, history: Mapping[str, list[Pass]]) -> Iterator[Result]:
    """Yield the latest passes of a job and of its parts with other inputs than now.

    Those with the same are left out: they may be parts of this very cut, and the next one must not be cut otherwise.
    """
    now = _undivided(keys.of(job).manifest)
    passes = (each for name in sorted(history) if name.startswith(job.history) for each in reversed(history[name]))
    results = (store.get(each.key) for each in passes)
    others = (each for each in results if each is not None and _undivided(each.manifest) != now)
    return islice(others, _LOOKED_AT)


def _undivided(manifest: bytes) -> list[bytes]:
    return [line for line in manifest.splitlines() if not line.startswith((b"part ", b"part\t"))]


def is_pytest(job: Job) -> bool:
    """Return whether a command of a job is pytest."""
    return any(word.rpartition("/")[2] in {"pytest", "py.test"} for words in job.definition.run for word in words[:4])


def test_files(job: Job, inputs: Inputs) -> list[str]:
    """Return the files of a package that pytest takes for tests unless it is told otherwise, sorted."""
    return [path for path in inputs.owned[job.member.name] if is_test_file(path)]


def is_test_file(path: str) -> bool:
    """Return whether a path is named as pytest's `python_files` has it by default."""
    name = PurePosixPath(path).name
    return name.endswith("_test.py") or (name.startswith("test_") and name.endswith(".py"))


def recorded(files: Collection[str], results: Iterable[Result]) -> dict[str, float]:
    """Return the seconds of files in the first result that has a report with them."""
    seconds: dict[str, float] = {}
    for result in results:
        for path, (_, content) in sorted(result.outputs.items()):
            if path.endswith(".xml"):
                for file, spent in junit.seconds(content, files).items():
                    seconds.setdefault(file, spent)
    return seconds
