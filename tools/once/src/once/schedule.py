"""Jobs in parallel, longest first; passes are kept once it is sure that their inputs stayed the same."""

import queue
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from once import changes, run, sandbox, trace
from once.checkout import UNUSABLE, Checkout, again
from once.lock_file import Held, hold
from once.memo import Stamp, stamp
from once.status import Status
from once.store import LayeredStore, Result
from once.undeclared import absent, fix, messages
from once.workspace import Job

PROOF = 2.0  # seconds between looks at the work tree while jobs run; a look costs as much as many a short job


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a job ended: "hit", "passed", "failed" or "skipped"; `said` is what kept a pass from being stored.

    `undeclared` is whether that is something that it read.
    """

    job: Job
    key: str
    status: str
    seconds: float = 0.0
    log: bytes = b""
    said: tuple[str, ...] = ()
    undeclared: bool = False
    stamps: Sequence[Stamp] = ()


@dataclass(kw_only=True)
class Schedule:
    """A run of the jobs that are not cached."""

    checkout: Checkout
    store: LayeredStore
    status: Status
    slots: int
    keep_going: bool
    force: bool
    strict: bool = False
    posargs: Sequence[str] = ()
    groups: run.Groups = field(default_factory=run.Groups)
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
            self.groups.stop()
            for thread in threads:
                thread.join()
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
                waiting -= 1
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
        if report.status == "failed":
            self.status.log(report.log)
        words = {"hit": "from cache", "passed": f"passed in {report.seconds:.1f} s", "failed": "FAILED"}
        if report.status in words:
            self.status.line(f"{report.job} {words[report.status]}")
        for text in report.said:
            self.status.line(text)

    def _prove(self, unproven: Sequence[tuple[Report, Result, Held | None]]) -> list[Report]:
        """Store the passes whose keys are still what they were before they ran; return how all of them ended."""
        try:
            now, unusable = again(self.checkout), ""
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
        after = now.keys.of(same)
        if after.digest == before.digest:
            return ""
        lists = self.checkout.keys.listings | now.keys.listings
        lines = changes.between(changes.parse(before.manifest), changes.parse(after.manifest), lists.get)
        return f"its inputs changed while it ran: {'; '.join(lines)}"

    def _keep(self, report: Report, result: Result) -> str:
        try:
            self.store.put(report.key, result)
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
        key = self.checkout.keys.of(job)
        if self.posargs:
            done = self._execute(job, None, None)
            return (
                Report(
                    job=job,
                    key=key.digest,
                    status="failed" if done.exit_code else "passed",
                    seconds=done.seconds,
                    log=done.log,
                ),
                None,
                None,
            )
        try:
            held = hold(
                self.store.local.folder / "locks" / key.digest,
                stopped=lambda: self.groups.stopped,
                waiting=lambda: self.status.line(f"{job} is being run by another once; waiting for it"),
            )
        except OSError:  # a disk that takes no lock takes no result either, which is said then
            held = None
        if self.groups.stopped:
            return Report(job=job, key=key.digest, status="skipped"), None, held
        found = None if self.force else self.store.get(key.digest)
        stamps = run.replay(self.checkout.snapshot.root, found) if found is not None else None
        if found is not None and stamps is not None:
            seconds, log = found.seconds, found.log
            return Report(job=job, key=key.digest, status="hit", seconds=seconds, log=log, stamps=stamps), None, held
        with tempfile.TemporaryDirectory(prefix="once-") as scratch:
            done = self._execute(job, held, scratch)
            said, missing = self._traced(job, scratch, done)
        report = Report(
            job=job,
            key=key.digest,
            status="failed" if done.exit_code else "passed",
            seconds=done.seconds,
            log=done.log,
            said=said,
            undeclared=bool(said),
            stamps=[*done.stamps, *(stamp(self.checkout.snapshot.root, path) for path in missing)],
        )
        if done.exit_code or said:
            return report, None, held
        outputs, seconds, log = dict(done.outputs), done.seconds, done.log
        result = Result(exit_code=0, log=log, outputs=outputs, seconds=seconds, manifest=key.manifest, absent=missing)
        return report, result, held

    def _traced(self, job: Job, scratch: str, done: run.Done) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return a sentence for each input that a job did not declare, and what it looked for in vain."""
        inputs = self.checkout.keys.inputs
        if done.exit_code:
            refused = sandbox.denied(done.log, inputs.snapshot.root) if self.strict else []
            return tuple(fix(job, "was refused", path) for path in refused), ()
        try:
            found = trace.read(f"{scratch}/record")
        except trace.RecordLost as error:
            return (f"{job} is not stored: {error}",), ()
        return tuple(messages(job, found, inputs)), absent(found, inputs)

    def _execute(self, job: Job, held: Held | None, scratch: str | None) -> run.Done:
        root = self.checkout.snapshot.root
        environ = run.environment(job, self.checkout.keys.environ)
        commands = run.commands(job, root, self.posargs)
        outputs = [job.member.pattern(each) for each in job.definition.outputs]
        if scratch is not None:
            record = f"{scratch}/record"
            environ = trace.environment(environ, record=record, root=root, names=environ.keys())
            if self.strict:
                environ["TMPDIR"] = temporary = f"{scratch}/temporary"
                commands = self._refused(job, commands, [*run.folders(root, outputs), temporary, record])
        locks = [held.descriptor] if held else []
        return run.execute(commands, root=root, environ=environ, groups=self.groups, outputs=outputs, locks=locks)

    def _refused(self, job: Job, commands: Sequence[list[str]], writable: Sequence[str]) -> list[list[str]]:
        """Return commands to which the kernel refuses all files but these and the inputs."""
        root = self.checkout.snapshot.root
        for folder in writable:
            Path(folder).mkdir(parents=True, exist_ok=True)
        readable = [*sandbox.system(root), *sandbox.fold(root, self.checkout.keys.inputs.of(job))]
        return [sandbox.wrap(command, readable=readable, writable=writable) for command in commands]


def name(job: Job) -> str:
    """Return under which name the history of a job is kept."""
    return f"{job} {job.member.path}"
