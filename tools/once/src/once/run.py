"""One job's commands: run in a process group of their own, with a small environment, their output kept."""

import glob
import os
import posixpath
import re
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from once.inputs import SPECIAL, Inputs
from once.listed import is_same
from once.memo import Stamp, stamp
from once.store import Result
from once.workspace import Job

# Never in a key: where things are, who asks, and how output is shown.
PASSED = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TERM", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE"),
        *("FORCE_COLOR", "NO_COLOR", "PY_COLORS", "CLICOLOR_FORCE"),
    }
)
NOT_FOUND = 127  # as a shell says
# Python ignores the latter two, and what is ignored is inherited.
DEFAULT = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)


type Action = tuple[int, int, str, int, int] | tuple[int, int, int]


@dataclass(kw_only=True)
class Groups:
    """The process groups that are running, so that they can be ended at once."""

    stopped: bool = False
    _running: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, command: list[str], environ: Mapping[str, str], actions: Sequence[Action]) -> int | None:
        """Start a command as the leader of a group and return its id; None after `stop`."""
        with self._lock:
            if self.stopped:
                return None
            pid = os.posix_spawn(command[0], command, environ, file_actions=actions, setpgroup=0, setsigdef=DEFAULT)
            self._running.add(pid)
        return pid

    def wait(self, pid: int) -> int:
        """Wait for a group's leader, end what it left running, return its exit code (128 + number of a signal)."""
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # still ours: nobody else can get this id
        with self._lock:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            self._running.discard(pid)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return code if code >= 0 else 128 - code

    def stop(self, *, grace: float = 3.0) -> None:
        """End all groups: asked first, killed after `grace` seconds; nothing starts any more."""
        with self._lock:
            self.stopped = True
        until = time.monotonic() + grace
        self._send(signal.SIGTERM)
        while self._running and time.monotonic() < until:
            time.sleep(0.01)
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        with self._lock:
            for pid in self._running:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, number)


class Undeclared(Exception):
    """A stored result holds an output that its job does not declare."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a job's commands left; `stamps` tell whether an output is still the same."""

    exit_code: int
    log: bytes
    seconds: float
    outputs: Mapping[str, tuple[str, bytes]]
    stamps: Sequence[Stamp]


def environment(job: Job, environ: Mapping[str, str]) -> dict[str, str]:
    """Return a job's variables: what always passes, what is in its key, the environment's folder first in PATH."""
    names = {*PASSED, *job.definition.passthrough, *job.definition.env}
    tools = str(Path(sys.executable).parent)
    kept = {name: value for name, value in environ.items() if name in names}
    return kept | {"PATH": f"{tools}{os.pathsep}{kept.get('PATH', os.defpath)}", "VIRTUAL_ENV": str(Path(tools).parent)}


def commands(job: Job, root: str, posargs: Sequence[str]) -> list[list[str]]:
    """Return a job's commands, with `posargs` at the end of the last."""
    found = [[job.member.expand(word).replace("{root}", root) for word in command] for command in job.definition.run]
    found[-1] += posargs
    return found


def execute(
    wanted: Sequence[Sequence[str]],
    *,
    root: str,
    environ: Mapping[str, str],
    groups: Groups,
    outputs: Sequence[str] = (),
    locks: Sequence[int] = (),
) -> Done:
    """Run commands, one after the other until one fails.

    Args:
        wanted: The commands, found in `environ`'s PATH.
        root: The workspace's root, where they run.
        environ: All of their environment.
        groups: Where they are known while they run.
        outputs: Paths, folders and globs from the root of what they leave.
        locks: File descriptors that stay open in them: what these lock is locked until they ended.
    """
    began = time.monotonic()
    code = 0
    with _log() as log:
        for command in wanted:
            code = _command(command, environ=environ, groups=groups, log=log.fileno(), locks=locks)
            if code:
                break
        log.seek(0)
        text = log.read()
    seconds = time.monotonic() - began
    paths = collect(root, outputs) if code == 0 else []
    stamps = [stamp(root, path) for path in paths]
    return Done(
        exit_code=code, log=text, seconds=seconds, outputs=dict(map(content, [root] * len(paths), paths)), stamps=stamps
    )


def _log() -> IO[bytes]:
    """Return a file for what a job prints: in memory, where it is read to anyway, if the system has such."""
    return open(os.memfd_create("log"), "w+b") if sys.platform == "linux" else tempfile.TemporaryFile()


def _command(
    command: Sequence[str], *, environ: Mapping[str, str], groups: Groups, log: int, locks: Sequence[int]
) -> int:
    program = shutil.which(command[0], path=environ["PATH"])
    if program is None:
        os.write(
            log,
            f"once: {command[0]}: not found; add it to the task's dependency group\n".encode(),
        )
        return NOT_FOUND
    actions: list[Action] = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    # A descriptor duplicated to itself is inherited.
    actions += [(os.POSIX_SPAWN_DUP2, each, to) for each, to in ((log, 1), (log, 2), *zip(locks, locks, strict=True))]
    pid = groups.start([program, *command[1:]], environ, actions)
    return 128 + signal.SIGTERM if pid is None else groups.wait(pid)


def collect(root: str, patterns: Sequence[str]) -> list[str]:
    """Return the files that patterns stand for, sorted; those of a folder if it is one."""
    found: set[str] = set()
    for pattern in patterns:
        names = (
            glob.glob(pattern, root_dir=root, recursive=True, include_hidden=True)
            if SPECIAL.search(pattern)
            else [pattern]
        )
        for name in names:
            if os.path.isdir(f"{root}/{name}") and not os.path.islink(f"{root}/{name}"):
                found.update(
                    os.path.relpath(os.path.join(folder, each), root)
                    for folder, below, here in os.walk(f"{root}/{name}")
                    for each in (*here, *(name for name in below if os.path.islink(f"{folder}/{name}")))
                )
            elif os.path.lexists(f"{root}/{name}"):
                found.add(name)
    return sorted(found)


def folders(root: str, patterns: Sequence[str]) -> list[str]:
    """Return the folders in which files that patterns stand for may be made."""
    plain = (SPECIAL.split(pattern, maxsplit=1)[0] for pattern in patterns)
    return sorted({f"{root}/{path.rpartition('/')[0]}" for path in plain})


def content(root: str, path: str) -> tuple[str, tuple[str, bytes]]:
    """Return a path with the mode and content that restore what is there."""
    file = f"{root}/{path}"
    mode = os.lstat(file).st_mode
    if stat.S_ISLNK(mode):
        return path, ("120000", os.fsencode(os.readlink(file)))
    with open(file, "rb") as opened:
        return path, ("100755" if mode & stat.S_IXUSR else "100644", opened.read())


def restore(root: str, outputs: Mapping[str, tuple[str, bytes]]) -> list[Stamp]:
    """Put outputs back where they are not as they were, and return their stamps.

    Raises:
        OSError: The disk is full, or something else is in the way.
    """
    for path, (mode, text) in outputs.items():
        file = Path(root, path)
        if os.path.lexists(file) and not file.is_dir() and content(root, path)[1] == (mode, text):
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}.once")
        beside.unlink(missing_ok=True)
        if mode == "120000":
            beside.symlink_to(os.fsdecode(text))
        else:
            beside.write_bytes(text)
            beside.chmod(0o755 if mode == "100755" else 0o644)
        beside.replace(file)
    return [stamp(root, path) for path in outputs]


def replay(job: Job, inputs: Inputs, result: Result) -> list[Stamp] | None:
    """Put a result's outputs back and return what has to stay the same; None where the result no longer holds.

    It does not where something appeared that the job had looked for, where a folder that it listed has other names,
    and where an output is none that the job declares, which is said: a result may come from a store that others write.
    """
    root = inputs.snapshot.root
    absences = [stamp(root, path) for path in result.absent]
    folders = [stamp(root, each.folder) for each in result.listed]
    if any(size >= 0 for _, size, *_ in absences) or not all(is_same(inputs, each) for each in result.listed):
        return None
    try:
        _refuse_others(job, root, result.outputs)
        return restore(root, result.outputs) + absences + folders
    except (Undeclared, OSError) as error:
        sys.stderr.write(f"once: {job}: {error}; the stored result is not used\n")
        return None


def _refuse_others(job: Job, root: str, paths: Iterable[str]) -> None:
    """Refuse to write what a job does not declare as its output, or through a folder that is a symlink.

    Raises:
        Undeclared: See there.
    """
    patterns = [job.member.pattern(each) for each in job.definition.outputs]
    declared = [re.compile(glob.translate(each, recursive=True, include_hidden=True, seps="/")) for each in patterns]
    for path in paths:
        parts = path.split("/")
        above = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        named = "." in patterns or any(pattern.match(each) for pattern in declared for each in above)
        if not named or posixpath.normpath(path) != path or path.startswith(("/", "../")):
            raise Undeclared(f"it would write {path}, which is not among the outputs of the task")
        for folder in above[:-1]:
            if os.path.islink(f"{root}/{folder}"):
                raise Undeclared(f"it would write {path} through {folder}, which is a symlink")
