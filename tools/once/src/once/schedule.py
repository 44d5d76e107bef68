"""Jobs in parallel, longest first; passes are kept once it is sure that their inputs stayed the same."""

import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from once import changes, flaky, run, select
from once.attempt import Runner
from once.checkout import UNUSABLE, Checkout, again
from once.lock_file import Held, hold
from once.memo import Stamp
from once.status import Status
from once.store import LayeredStore, Result
from once.workspace import Job

PROOF = 2.0  # seconds between looks at the work tree while jobs run; a look costs as much as many a short job


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a job ended: "hit", "passed", "flaky" (failed, then passed), "failed" or "skipped".

    Attributes:
        log: Its output; of a flaky one, that of its failure.
        said: What kept a pass from being stored.
        undeclared: Whether that is something that it read.
        native: The programs that it started and that could not be traced.
        kept: How many test files did not run, as nothing that they depend on changed.
        tests: What each test file depends on, where the task is selected by test file.
    """

    job: Job
    key: str
    status: str
    seconds: float = 0.0
    log: bytes = b""
    said: tuple[str, ...] = ()
    undeclared: bool = False
    native: Sequence[str] = ()
    kept: int = 0
    tests: select.Tests | None = None
    stamps: Sequence[Stamp] = ()


@dataclass(kw_only=True)
class Schedule:
    """A run of the jobs that are not cached; with `retry` a failed one runs once more, to see whether it is flaky."""

    checkout: Checkout
    runner: Runner
    store: LayeredStore
    status: Status
    slots: int
    keep_going: bool
    force: bool
    retry: bool = True
    latest: Checkout | None = None  # as it was after all jobs had ended; None where that was not looked at
    _todo: deque[Job] = field(default_factory=deque)
    _ended: queue.SimpleQueue[tuple[Report, Result | None, Held | None]] = field(default_factory=queue.SimpleQueue)
    _running: dict[Job, float] = field(default_factory=dict)

    def complete(self, jobs: Sequence[Job]) -> list[Report]:
        """Run jobs and return how each ended. Where it is interrupted, nothing of them is left running."""
        history = self.store.local.history()
        # What has never run may be the longest.
        last = {job: history[name(job)][-1].seconds if name(job) in history else float("inf") for job in jobs}
        self._todo.extend(sorted(jobs, key=last.__getitem__, reverse=True))
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(self.slots, len(jobs)))]
        try:
            for thread in threads:
                thread.start()
            return self._gather(jobs)
        finally:
            self._todo.clear()
            self.runner.groups.stop()
            for thread in threads:
                thread.join()
            self.runner.close()
            self.status.clear()

    def _gather(self, jobs: Sequence[Job]) -> list[Report]:
        reports: dict[Job, Report] = {}
        unproven: list[tuple[Report, Result, Held | None]] = []
        proved = time.monotonic()
        waiting = len(jobs)
        while waiting or unproven:
            try:
                report, result, held = self._ended.get(timeout=0.1 if waiting else 0)
            except queue.Empty:
                report = None
            if report is not None:
                waiting, self.latest = waiting - 1, None
                reports[report.job] = report
                self._tell(report)
                if result is not None:
                    unproven.append((report, result, held))
                elif held is not None:
                    held.release()
            if unproven and (not waiting or time.monotonic() - proved > PROOF):
                reports |= {each.job: each for each in self._prove(unproven)}
                unproven, proved = [], time.monotonic()
            self.status.show([(str(job), since) for job, since in list(self._running.items())])
        return [reports[job] for job in jobs]

    def _tell(self, report: Report) -> None:
        self.status.finished += 1
        if report.status in {"failed", "flaky"}:
            self.status.log(report.log)
        words = {
            "hit": "from cache",
            "passed": f"passed in {report.seconds:.1f} s",
            "flaky": "FLAKY: it failed, then passed; not stored",
            "failed": "FAILED",
        }
        if report.status in words:
            self.status.line(f"{report.job} {words[report.status]}")
        for text in report.said:
            self.status.line(text)

    def _prove(self, unproven: Sequence[tuple[Report, Result, Held | None]]) -> list[Report]:
        """Store the passes whose keys are still what they were before they ran; return how all of them ended."""
        try:
            now, unusable = again(self.checkout), ""
            self.latest = now
        except UNUSABLE as error:
            now, unusable = self.checkout, f"it cannot be checked against the work tree: {error}"
        found = []
        for report, result, held in unproven:
            said = unusable or self._changes(report.job, now) or self._keep(report, result)
            if said:
                self.status.line(f"{report.job} is not stored: {said}")
            if held is not None:
                held.release()
            found.append(replace(report, said=(said,) if said else ()))
        kept = [report for report in found if not report.said]
        listings = {
            digest: self.checkout.keys.listings[digest] for report in kept for digest in self._lists(report.job)
        }
        with suppress(OSError):  # only `why` and the order of jobs miss it
            self.store.local.keep_passes([(name(each.job), each.key, each.seconds) for each in kept], listings)
        return found

    def _lists(self, job: Job) -> set[str]:
        values = changes.parse(self.checkout.keys.of(job).manifest).values()
        return set(values) & self.checkout.keys.listings.keys()

    def _changes(self, job: Job, now: Checkout) -> str:
        """Return how a job's inputs differ from what they were, "" where they do not."""
        before = self.checkout.keys.of(job)
        same = job if now.workspace is self.checkout.workspace else now.workspace.job(job.member.name, job.task)
        if same is None:
            return "the task was taken away while it ran"
        after = now.keys.of(same._replace(part=job.part, files=job.files))
        if after.digest == before.digest:
            return ""
        lists = self.checkout.keys.listings | now.keys.listings
        lines = changes.between(changes.parse(before.manifest), changes.parse(after.manifest), lists.get)
        return f"its inputs changed while it ran: {'; '.join(lines)}"

    def _keep(self, report: Report, result: Result) -> str:
        try:
            self.store.put(report.key, result)
            select.keep(report.job, self.checkout.keys, report.tests, self.store.local)
        except OSError as error:
            return f"{error}; free some space, or set ONCE_CACHE_DIR"
        return ""

    def _work(self) -> None:
        while (job := self._next()) is not None:
            self._running[job] = time.monotonic()
            try:
                ended = self._job(job)
            except Exception as error:  # noqa: BLE001  # whatever it is, the run must not wait for ever
                log = f"once: {type(error).__name__}: {error}\n".encode()
                ended = Report(job=job, key="", status="failed", log=log), None, None
            if ended[0].status == "failed" and not self.keep_going:
                while (other := self._next()) is not None:
                    self._ended.put((Report(job=other, key="", status="skipped"), None, None))
            del self._running[job]
            self._ended.put(ended)

    def _next(self) -> Job | None:
        try:
            return self._todo.popleft()
        except IndexError:
            return None

    def _job(self, job: Job) -> tuple[Report, Result | None, Held | None]:
        key = self.checkout.keys.of(job).digest
        if self.runner.posargs:
            done = self.runner.attempt(job, select.ALL).done
            status = "failed" if done.exit_code else "passed"
            return Report(job=job, key=key, status=status, seconds=done.seconds, log=done.log), None, None
        try:
            held = hold(
                self.store.local.folder / "locks" / key,
                stopped=lambda: self.runner.groups.stopped,
                waiting=lambda: self.status.line(f"{job} is being run by another once; waiting for it"),
            )
        except OSError:  # a disk that takes no lock takes no result either, which is said then
            held = None
        if self.runner.groups.stopped:
            return Report(job=job, key=key, status="skipped"), None, held
        found = None if self.force else self.store.get(key)
        stamps = run.replay(job, self.checkout.keys.inputs, found) if found is not None else None
        if found is not None and stamps is not None:
            seconds, log = found.seconds, found.log
            return Report(job=job, key=key, status="hit", seconds=seconds, log=log, stamps=stamps), None, held
        report, result = self._ran(job, [held.descriptor] if held else [])
        return report, result, held

    def _ran(self, job: Job, locks: Sequence[int]) -> tuple[Report, Result | None]:
        """Run a job, again where it failed, and return how it ended with what may be stored of it."""
        key, root = self.checkout.keys.of(job), self.checkout.snapshot.root
        selection = select.ALL if self.force else select.select(job, self.checkout.keys, self.store.local)
        tried = self.runner.attempt(job, selection, locks=locks)
        failed = tried.done if tried.done.exit_code else None
        if failed and self.retry and failed.exit_code not in flaky.CERTAIN and not tried.said:
            tried = self.runner.attempt(job, selection, locks=locks)
        code = tried.done.exit_code
        done = tried.done if code else select.completed(tried.done, selection, root)
        report = Report(
            job=job,
            key=key.digest,
            status="failed" if code else "flaky" if failed else "passed",
            seconds=done.seconds,
            log=failed.log if failed else done.log,
            said=tried.said,
            undeclared=bool(tried.said),
            native=tried.native,
            kept=len(selection.kept),
            stamps=replace(tried, done=done).stamps(root),
        )
        if failed and not code:
            with suppress(OSError):  # it is said all the same
                found = flaky.flake(job, key.digest, exit_code=failed.exit_code, log=failed.log)
                flaky.keep(self.store.local.folder, found)
        if failed or tried.said:
            return report, None
        result = Result(
            exit_code=0,
            log=done.log,
            outputs=dict(done.outputs),
            seconds=done.seconds,
            manifest=key.manifest,
            absent=tried.absent,
            listed=tried.listed,
        )
        if tried.tests is not None:
            report = replace(report, tests={**selection.kept, **tried.tests})
        return report, result


def name(job: Job) -> str:
    """Return under which name the history of a job is kept."""
    return job.history
