"""`once run TASK...`: hits from the cache, the rest run in parallel."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from time import monotonic
from types import FrameType

from once import garbage, memo, remote, run, shards
from once.attempt import Runner
from once.checkout import UNUSABLE, Checkout, again, checkout, revision
from once.commands import affected
from once.schedule import Report, Schedule
from once.status import Status
from once.store import LayeredStore, LocalStore
from once.workspace import Job


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("tasks", nargs="+", metavar="TASK")
    parser.add_argument(
        "-p", "--package", action="append", default=[], dest="packages", help="only this package (again for more)"
    )
    parser.add_argument(
        "--affected", nargs="?", const="main", metavar="BASE", help="only what `once affected --base BASE` names (main)"
    )
    parser.add_argument("--force", action="store_true", help="run what is cached too")
    parser.add_argument("--keep-going", action="store_true", help="start further jobs after one failed")
    parser.add_argument(
        "-j", "--jobs", type=int, default=os.process_cpu_count() or 1, help="how many jobs at once (the cores)"
    )
    parser.add_argument(
        "--sandbox",
        choices=("trace", "strict", "copy"),
        default="trace",
        help="strict: the kernel refuses undeclared inputs, or where it cannot: copy, run in a copy of the inputs",
    )
    parser.add_argument(
        "--strict", action="store_true", help="an undeclared input is an error (always where CI is set)"
    )
    parser.add_argument("--no-retry", action="store_true", help="do not run a failed job again to see if it is flaky")
    parser.add_argument("--shard", metavar="K/N[@PLAN]", help="only part K of N of the test files, each about as long")
    parser.add_argument("--json", action="store_true", help="print how each job ended as JSON")
    parser.add_argument(
        "--replay",
        "-v",
        action="store_true",
        help="print the output of what passed or is cached too, and what was not traced",
    )


def main(root: str, chosen: argparse.Namespace) -> int:
    """Run, and return 0 where all passed."""
    began = monotonic()
    os.chdir(root)
    signal.signal(signal.SIGTERM, _interrupt)
    now = checkout(root)
    jobs = now.workspace.jobs(chosen.tasks, chosen.packages)
    if chosen.affected is not None:
        jobs = _affected(root, chosen.affected, jobs)
    local = LocalStore()
    if chosen.shard:
        shard = shards.parse(chosen.shard)
        jobs = list(shards.plan(jobs, shard.total, now.keys, local).jobs(shard))
    fresh = chosen.force or bool(chosen.posargs)
    known = memo.read(root) or {"done": {}, "jobs": {}}
    hits = (
        {} if fresh else {job: hit for job in jobs if (hit := _hit(root, now, job, local, known, replay=chosen.replay))}
    )
    misses = [job for job in jobs if job not in hits]
    far = remote.from_environment(os.environ) if misses else None
    status = Status(total=len(misses))
    schedule = Schedule(
        checkout=now,
        runner=Runner(checkout=now, sandbox=chosen.sandbox, posargs=chosen.posargs),
        store=LayeredStore(local=local, remote=far),
        status=status,
        slots=max(1, chosen.jobs),
        keep_going=chosen.keep_going,
        force=fresh,
        retry=not (chosen.no_retry or chosen.posargs),
    )
    ran = dict(zip(misses, schedule.complete(misses), strict=True)) if misses else {}
    reports = [hits.get(job) or ran[job] for job in jobs]
    if not chosen.posargs:  # what passes with other words says nothing of the key
        touched = bool(ran) or any(report.seconds for report in reports)
        _remember(root, now, known, chosen.tasks, reports, latest=schedule.latest if touched else now)
    if far is not None:
        far.close()
    if ran and garbage.is_due(local):
        garbage.collect(local, garbage.limit())
    _print(reports, chosen, began)
    if any(report.status not in {"hit", "passed", "flaky"} for report in reports):
        return 1
    strict = chosen.strict or os.environ.get("CI", "").lower() not in {"", "0", "false", "no"}
    return 3 if strict and any(report.undeclared for report in reports) else 0


def _affected(root: str, base: str, jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs whose keys differ from a revision's."""
    # As committed: the revision knows nothing of what git converts on checkout.
    now = checkout(root, converted=False)
    same = [now.workspace.jobs([job.task], [job.member.name])[0] for job in jobs]
    found = {str(job) for job in affected.affected(revision(root, base), now, same)}
    return [job for job in jobs if str(job) in found]


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _hit(
    root: str,
    now: Checkout,
    job: Job,
    local: LocalStore,
    known: dict[str, dict[str, list[memo.Stamp]]],
    *,
    replay: bool,
) -> Report | None:
    """Return a job's report where it passed under its key and its outputs are in place, or can be put there."""
    key = now.keys.of(job).digest
    stamps = known["done"].get(key)
    if not replay and stamps is not None and all(memo.stamp(root, each[0]) == each for each in stamps):
        return Report(job=job, key=key, status="hit", stamps=stamps)
    result = local.get(key)
    stamps = run.replay(job, now.keys.inputs, result) if result is not None else None
    if result is None or stamps is None:
        return None
    return Report(job=job, key=key, status="hit", seconds=result.seconds, log=result.log, stamps=stamps)


def _remember(
    root: str,
    now: Checkout,
    known: dict[str, dict[str, list[memo.Stamp]]],
    tasks: Sequence[str],
    reports: Sequence[Report],
    *,
    latest: Checkout | None,
) -> None:
    """Write the memo of this run; its loss costs time, and nothing else."""
    done = {
        **known["done"],
        **{report.key: report.stamps for report in reports if report.status in {"hit", "passed"} and not report.said},
    }
    try:
        # What ran or was restored may have left files; their listing is then part of what is the same next time.
        latest = latest or again(now)
        wanted = sorted({*tasks, *(task for task in known["jobs"] if task in latest.workspace.tasks)})
        found = latest.memo(wanted, done)
        if found is not None:
            memo.write(root, found)
    except UNUSABLE as error:
        sys.stderr.write(f"once: what this run knows is not kept: {error}\n")


def _print(reports: Sequence[Report], chosen: argparse.Namespace, began: float) -> None:
    seconds = monotonic() - began
    if chosen.json:
        jobs = [
            {
                "job": str(report.job),
                "task": report.job.task,
                "package": report.job.member.name,
                "status": report.status,
                "stored": report.status == "hit"
                or (report.status == "passed" and not report.said and not chosen.posargs),
                "seconds": round(report.seconds, 3),
                "key": report.key,
                "said": list(report.said),
                "untraced": list(report.native),
                "kept": report.kept,
            }
            for report in reports
        ]
        untraced = sum(bool(report.native) for report in reports)
        print(json.dumps({"jobs": jobs, "untraced": untraced, "seconds": round(seconds, 3)}, indent=2))
        return
    sys.stderr.flush()
    for report in reports:
        if chosen.replay or (chosen.posargs and report.status == "passed"):
            print(f"--- {report.job}", flush=True)
            sys.stdout.buffer.write(report.log)
            sys.stdout.buffer.flush()
        if chosen.replay and report.native:
            print(f"{report.job} ran programs that are not traced: {', '.join(report.native)}")
    for task in chosen.tasks:
        of_task = [report for report in reports if report.job.task == task]
        count = {
            status: sum(report.status == status for report in of_task)
            for status in ("hit", "passed", "flaky", "failed", "skipped")
        }
        ran = ", ".join(f"{number} {status}" for status, number in count.items() if number and status != "hit")
        print(
            f"{task}: {count['hit']} of {len(of_task)} from cache{f', {ran}' if ran else ''} in {seconds * 1000:.0f} ms"
        )
