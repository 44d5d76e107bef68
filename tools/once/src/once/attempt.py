"""One attempt at a job: its commands traced, in a sandbox if wanted, and what that says of its inputs."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from once import run, sandbox, select, trace
from once.checkout import Checkout
from once.listed import Listing
from once.memo import Stamp, stamp
from once.select import Selection
from once.undeclared import absent, fix, listed, messages, missed
from once.workspace import Job

# Runs a command in another folder.
_IN_FOLDER = ["/bin/sh", "-c", 'cd "$0" && exec "$@"']


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How an attempt ended.

    Attributes:
        said: What keeps a pass from being stored, and what a failure was refused: a sentence each.
        absent: The files that the job looked for in vain.
        listed: The folders that it listed.
        native: The programs that it started and that could not be traced.
        tests: What each test file that ran depends on, where the task is selected by test file.
    """

    done: run.Done
    said: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    listed: tuple[Listing, ...] = ()
    native: tuple[str, ...] = ()
    tests: Mapping[str, Mapping[str, str]] | None = None

    def stamps(self, root: str) -> list[Stamp]:
        """Return what has to stay the same for this to hold."""
        looked_at = (*self.absent, *(each.folder for each in self.listed))
        return [*self.done.stamps, *(stamp(root, path) for path in looked_at)]


@dataclass(frozen=True, kw_only=True)
class Runner:
    """How jobs are run.

    Attributes:
        sandbox: "trace" sees what a job reads, "strict" refuses what is not declared, by the kernel where it can, and
            "copy" by running in a copy of the inputs.
        posargs: Words for the last command. Such a job is not traced, as it is not stored.
    """

    checkout: Checkout
    sandbox: str = "trace"
    posargs: Sequence[str] = ()
    groups: run.Groups = field(default_factory=run.Groups)
    _scratches: list[str] = field(default_factory=list)

    def attempt(self, job: Job, selection: Selection, *, locks: Sequence[int] = ()) -> Attempt:
        """Run a job's commands, with the test files that are selected."""
        try:
            scratch = self._scratches.pop()
        except IndexError:
            scratch = tempfile.mkdtemp(prefix="once-")
        try:
            return _InScratch(self, job, selection, scratch).attempt(locks)
        finally:
            if _is_unused(scratch):
                self._scratches.append(scratch)
            else:
                shutil.rmtree(scratch, ignore_errors=True)

    def close(self) -> None:
        """Remove what attempts left for others."""
        while self._scratches:
            shutil.rmtree(self._scratches.pop(), ignore_errors=True)


def _is_unused(scratch: str) -> bool:
    """Return whether nothing is in a folder but an empty record: folders are what a short job takes longest for.

    Where a traced process was, one that outlived its job would write into the next one's record.
    """
    with suppress(FileNotFoundError):
        return os.listdir(scratch) == ["record"] and os.listdir(f"{scratch}/record") == ["job"]
    return False


@dataclass(frozen=True)
class _InScratch:
    runner: Runner
    job: Job
    selection: Selection
    scratch: str

    @property
    def root(self) -> str:
        return self.runner.checkout.snapshot.root

    @property
    def mode(self) -> str:
        return "copy" if self.runner.sandbox == "strict" and not sandbox.available() else self.runner.sandbox

    @property
    def home(self) -> str:
        """The workspace that the job sees."""
        return f"{self.scratch}/copy" if self.mode == "copy" else self.root

    def attempt(self, locks: Sequence[int]) -> Attempt:
        job, runner = self.job, self.runner
        commands = run.commands(job, self.home, runner.posargs)
        environ = run.environment(job, runner.checkout.keys.environ)
        environ |= select.environment(job, self.selection, environ, home=self.home, scratch=self.scratch)
        traced = not runner.posargs
        if traced:
            environ = trace.environment(environ, record=self.record, root=self.home, names=environ.keys())
        outputs = [job.member.pattern(each) for each in job.definition.outputs]
        done = run.execute(
            self._confined(commands, outputs, environ),
            root=self.home,
            environ=environ,
            groups=runner.groups,
            outputs=outputs,
            locks=locks,
        )
        if self.mode == "copy" and not done.exit_code:
            done = replace(done, stamps=run.restore(self.root, done.outputs))
        return self._judged(done, commands) if traced else Attempt(done=done)

    @property
    def record(self) -> str:
        return f"{self.scratch}/record"

    def _confined(
        self, commands: Sequence[list[str]], outputs: Sequence[str], environ: dict[str, str]
    ) -> Sequence[list[str]]:
        """Return the commands as the sandbox wants them."""
        if self.mode == "trace":
            return commands
        environ["TMPDIR"] = temporary = f"{self.scratch}/temporary"
        caches = [f"{self.home}/{self.job.member.pattern(each)}" for each in self.job.definition.caches]
        writable = [*run.folders(self.home, outputs), *caches, temporary]
        inputs = self.runner.checkout.keys.inputs.of(self.job)
        if self.mode == "copy":
            sandbox.copy_inputs(self.root, sorted(filter(self._is_file, inputs)), self.home)
        for folder in writable:
            Path(folder).mkdir(parents=True, exist_ok=True)
        if self.mode == "copy":
            return [[*_IN_FOLDER, self.home, *command] for command in commands]
        ours = str(Path(__file__).parent)
        # Without site, as `once` is started, Python does not know that it is an environment's.
        tools = str(Path(sys.executable).parent.parent)
        readable = [*sandbox.system(self.root), *sandbox.fold(self.root, inputs), tools, ours, self.scratch]
        return [sandbox.wrap(command, readable=readable, writable=[*writable, self.record]) for command in commands]

    def _denied(self, log: bytes) -> list[str]:
        return sandbox.denied(log, self.root, folder=self.job.member.path)

    def _is_file(self, path: str) -> bool:
        return not os.path.isabs(path) and os.path.lexists(f"{self.root}/{path}")

    def _judged(self, done: run.Done, commands: Sequence[list[str]]) -> Attempt:
        """Return what the trace says of an attempt."""
        job, inputs = self.job, self.runner.checkout.keys.inputs
        try:
            found = trace.read(self.record, commands=commands)
        except trace.RecordLost as error:
            return Attempt(done=done, said=(f"{job} is not stored: {error}",))
        said: list[str] = []
        if self.mode == "copy":
            said += (fix(job, "was refused", path) for path in missed(job, found, done.log, inputs, self.home))
        if done.exit_code:
            if self.mode == "strict":
                said += (fix(job, "was refused", path) for path in self._denied(done.log))
            return Attempt(done=done, said=tuple(said), native=found.native)
        said += messages(job, found, inputs)
        return Attempt(
            done=done,
            said=tuple(said),
            absent=absent(job, found, inputs),
            listed=listed(job, found, inputs),
            native=found.native,
            tests=None if said else select.depends(job, self.record, inputs),
        )
