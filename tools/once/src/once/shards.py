"""A part of a task's test files: as many parts as there are machines, each about as long, all together all files.

All machines have to cut alike. Files are those of the checkout, and their seconds come from the JUnit reports among the
outputs of earlier passes in the local store: let the machines begin with the same one. A plan's id is the digest of its
cut: a part that is asked for with it, `2/4@5d0a6c1`, is refused where the files would be cut otherwise. What pytest
finds beside the usual names of test files is dealt by its name, so that no file is in two parts, or in none.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
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
_ID = 7  # digits of a plan's id
_SHARD = re.compile(r"(?P<number>\d+)/(?P<total>\d+)(?:@(?P<plan>[0-9a-f]{7}))?", re.ASCII)


class Shard(NamedTuple):
    """Part `number` (from 1) of `total`, of the plan with this id ("" where any will do)."""

    number: int
    total: int
    plan: str = ""

    def __str__(self) -> str:
        """Return which part it is, as in a key."""
        return f"{self.number}/{self.total}"


class Plan(NamedTuple):
    """A cut of jobs: the files of each part, None for a job that is not divided, and belongs to a part by its name."""

    total: int
    parts: Mapping[Job, list[list[str]] | None]

    @property
    def id(self) -> str:
        """Return a digest that is the same where the same jobs are cut alike."""
        said = [self.total, sorted((str(job), parts) for job, parts in self.parts.items())]
        return sha256(json.dumps(said).encode()).hexdigest()[:_ID]

    def shards(self) -> list[str]:
        """Return how each part is asked for on the command line."""
        return [f"{number}/{self.total}@{self.id}" for number in range(1, self.total + 1)]

    def jobs(self, shard: Shard) -> Iterator[Job]:
        """Yield the jobs of a part, each with its files of it.

        Raises:
            BadWorkspace: The part is one of another plan.
        """
        if shard.plan not in {"", self.id}:
            raise BadWorkspace(
                f"--shard {shard}@{shard.plan}: here the plan is {self.id}; begin with the checkout, the tasks and the"
                " cache that it was made with (`once plan TASK --shards N`)"
            )
        for job, parts in self.parts.items():
            if parts is None:
                if dealt(str(job), number=shard.number, count=shard.total):
                    yield job
                continue
            ours = parts[shard.number - 1]
            others = sorted({file for part in parts for file in part}.difference(ours))
            yield job._replace(part=str(shard), files=tuple(ours), others=tuple(others))


def parse(text: str) -> Shard:
    """Read `k/N` or `k/N@PLAN`.

    Raises:
        BadWorkspace: It is none, or k is not from 1 to N.
    """
    found = _SHARD.fullmatch(text)
    if found is None or not 1 <= int(found["number"]) <= int(found["total"]):
        raise BadWorkspace(f"--shard {text}: write which part of how many, such as 1/4")
    return Shard(int(found["number"]), int(found["total"]), found["plan"] or "")


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


def plan(jobs: Sequence[Job], total: int, keys: Keys, store: LocalStore) -> Plan:
    """Cut the test files of jobs into so many parts."""
    history = store.history()
    return Plan(total, {job: _parts(job, total, keys, store, history) if is_pytest(job) else None for job in jobs})


def _parts(job: Job, total: int, keys: Keys, store: LocalStore, history: Mapping[str, list[Pass]]) -> list[list[str]]:
    files = test_files(job, keys.inputs)
    known = recorded(files, _earlier(job, keys, store, history))
    usual = sorted(known.values())[len(known) // 2] if known else 1.0
    return cut({file: known.get(file, usual) for file in files}, total)


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
