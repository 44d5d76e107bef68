"""Whether hits are right: a sample of them is run again, into a store of its own, and compared with what is stored.

Seconds and instants are no difference. Where something else differs, the job runs a third time: what the two fresh runs
agree on and the stored result has otherwise is a wrong hit; what they themselves do not agree on (a random order, a
number of a process) varies, and says nothing of the cache.
"""

import random
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from once import junit, select
from once.attempt import Runner
from once.checkout import Checkout
from once.schedule import Schedule
from once.status import Status
from once.store import LayeredStore, LocalStore, Result
from once.workspace import BadWorkspace, Job

_TIMES = re.compile(
    rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?"  # an instant
    rb"|\b\d+(\.\d+)?(e-?\d+)? ?(ns|us|\xc2\xb5s|ms|s|secs?|seconds?|minutes?)\b"  # seconds, with their unit
    rb"|(?<=\btime=\")[\d.,e-]+(?=\")"  # of a JUnit report
    rb"|\b\d+:\d\d:\d\d(\.\d+)?\b"
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a hit was worth: `wrong` and `varying` name what differs; `unknown` says why it could not be compared."""

    job: Job
    key: str
    wrong: tuple[str, ...] = ()
    varying: tuple[str, ...] = ()
    unknown: str = ""


def sample(hits: Sequence[Job], text: str) -> list[Job]:
    """Return a random sample of hits: `5%` (at least one), or a number of them.

    Raises:
        BadWorkspace: It is neither.
    """
    number = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", text)
    if number is None or (not number[2] and "." in number[1]):
        raise BadWorkspace(f"--sample {text}: write a share such as 5%, or a number of jobs")
    count = max(1, round(len(hits) * float(number[1]) / 100)) if number[2] else int(number[1])
    chosen = set(random.sample(range(len(hits)), min(count, len(hits))))  # nosec B311
    return [job for index, job in enumerate(hits) if index in chosen]


def verify(now: Checkout, stored: dict[Job, Result], store: LayeredStore, *, slots: int) -> list[Verdict]:
    """Run jobs again and compare; wrong hits are removed, and replaced in a remote store by what is right."""
    fresh = _again(now, list(stored), store.local, slots=slots)
    doubtful = [job for job, found in fresh.items() if isinstance(found, Result) and differences(stored[job], found)]
    doubtful += [job for job, found in fresh.items() if found is None]
    third = _again(now, doubtful, store.local, slots=slots) if doubtful else {}
    verdicts = [_verdict(now, job, stored[job], found, third.get(job)) for job, found in fresh.items()]
    for each in verdicts:
        if each.wrong:
            store.local.remove(each.key)
            right = fresh[each.job]
            if store.remote is not None and isinstance(right, Result):
                store.remote.put(each.key, right)
    return verdicts


def _verdict(
    now: Checkout, job: Job, stored: Result, second: Result | str | None, third: Result | str | None
) -> Verdict:
    key = now.keys.of(job).digest
    if isinstance(second, str):
        return Verdict(job=job, key=key, unknown=second)
    if second is None:
        if isinstance(third, Result):
            return Verdict(job=job, key=key, varying=("exit code",))
        return Verdict(job=job, key=key, wrong=("exit code",))
    found = set(differences(stored, second))
    varying = set(differences(second, third)) if isinstance(third, Result) else {"exit code"} if found else set()
    if "exit code" in varying:
        return Verdict(job=job, key=key, varying=("exit code", *sorted(found)))
    return Verdict(job=job, key=key, wrong=tuple(sorted(found - varying)), varying=tuple(sorted(found & varying)))


def differences(left: Result, right: Result) -> tuple[str, ...]:
    """Return what of two results differs, beside times: the exit code, the log, an output by its path."""
    found = [] if left.exit_code == right.exit_code else ["exit code"]
    # Where the results of some test files were kept, the log is that of the others, and the report in another order.
    composed = left.log.startswith(select.KEPT)
    if timeless(left.log) != timeless(right.log) and not composed:
        found.append("log")
    for path in sorted({*left.outputs, *right.outputs}):
        one, other = left.outputs.get(path), right.outputs.get(path)
        plain = junit.cases if composed and path.endswith(".xml") else timeless
        if one is None or other is None or one[0] != other[0] or plain(one[1]) != plain(other[1]):
            found.append(path)
    return tuple(found)


def timeless(text: bytes) -> bytes:
    """Return an output without what it says of seconds and instants, as pytest and JUnit reports write them."""
    lines = _TIMES.sub(b"TIME", text)
    # Pytest fills a line with = up to the width of the terminal.
    return re.sub(rb"=+", b"=", lines)


def _again(now: Checkout, jobs: Sequence[Job], local: LocalStore, *, slots: int) -> dict[Job, Result | str | None]:
    """Run jobs and return the result of each: None where it failed, a sentence where it could not be stored."""
    with tempfile.TemporaryDirectory(prefix="once-") as folder:
        scratch = LocalStore(Path(folder))
        (local.folder / "locks").mkdir(parents=True, exist_ok=True)
        (scratch.folder / "locks").symlink_to(local.folder / "locks")  # no other run does the same job meanwhile
        schedule = Schedule(
            checkout=now,
            runner=Runner(checkout=now),
            store=LayeredStore(local=scratch, remote=None),
            status=Status(total=len(jobs)),
            slots=slots,
            keep_going=True,
            force=True,
            retry=False,
        )
        found: dict[Job, Result | str | None] = {}
        for report in schedule.complete(jobs):
            result = scratch.get(report.key) if report.status == "passed" else None
            found[report.job] = result if result is not None or report.status == "failed" else "; ".join(report.said)
        return found
