"""The four task runners, as one is asked on the command line, and how its answers prove what it did."""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import peers
from bench.tree import Tree

_NAME: Final = re.compile(r"\bp\d{4}\b")


class DidNotStart(Exception):
    """A program ended with an error instead of an answer."""


class WrongAnswer(Exception):
    """A runner did not do the work that is measured."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a program printed, and the wall time from its start to its end."""

    seconds: float
    output: str


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A task runner: `run` does the task of all packages, `affected` lists packages changed since `main`.

    `summary` matches the line of `run` that counts `hits` out of `total`. `store` is what it keeps outside of the
    workspace. `daemon` prints whether the daemon is `is_up`, `stop` ends it.
    """

    name: str
    run: list[str]
    affected: list[str]
    summary: re.Pattern[str]
    environment: Mapping[str, str]
    store: Path | None = None
    daemon: list[str] = field(default_factory=list)
    is_up: str = ""
    stop: list[str] = field(default_factory=list)

    def run_all(self, tree: Tree, *, hits: int) -> float:
        """Run the task of all packages and return the seconds.

        Raises:
            WrongAnswer: not as many results as `hits` came from the cache, or an output is missing.

        """
        answer = ask(self.run, tree.root, self.environment)
        self.expect_hits(answer.output, tree, hits=hits)
        return answer.seconds

    def expect_hits(self, output: str, tree: Tree, *, hits: int) -> None:
        """Check what a run printed, and that each task's output exists.

        Raises:
            WrongAnswer: not as many results as `hits` came from the cache, or an output is missing.

        """
        total = tree.shape.packages
        if self.hits(output) != (hits, total):
            raise WrongAnswer(f"{self.name}: {hits} of {total} should come from the cache, it said\n{output}")
        if missing := tree.missing_outputs():
            raise WrongAnswer(f"{self.name}: no output of {missing}, it said\n{output}")

    def hits(self, output: str) -> tuple[int, int]:
        """Return what a run says of itself: how many results came from the cache, of how many.

        Raises:
            WrongAnswer: it does not say it.

        """
        counts = self.summary.search(output)
        if counts is None:
            raise WrongAnswer(f"{self.name} does not say how much came from the cache, it said\n{output}")
        return int(counts["hits"] or 0), int(counts["total"])

    def forget(self, tree: Tree) -> None:
        """Remove the outputs and all that this runner keeps, in the workspace and out of it."""
        tree.clean()
        if self.store:
            shutil.rmtree(self.store, ignore_errors=True)

    def list_affected(self, tree: Tree, *, expected: set[str]) -> float:
        """List the affected packages and return the seconds.

        Raises:
            WrongAnswer: they are not the `expected` ones.

        """
        answer = ask(self.affected, tree.root, self.environment)
        found = set(_NAME.findall(answer.output))
        if found != expected:
            raise WrongAnswer(f"{self.name}: {sorted(expected)} should be affected, it said\n{answer.output}")
        return answer.seconds

    @contextmanager
    def started(self, tree: Tree, *, hits: int | None = None) -> Iterator[None]:
        """Warm up in a workspace (with `hits`); its daemon, if any, is up from then on, and stopped in the end."""
        try:
            answer = ask(self.run, tree.root, self.environment)
            if hits is not None:
                self.expect_hits(answer.output, tree, hits=hits)
            self._expect_daemon(tree, is_up=True)
            yield
        finally:
            if self.stop:
                ask(self.stop, tree.root, self.environment)
                self._expect_daemon(tree, is_up=False)

    def _expect_daemon(self, tree: Tree, *, is_up: bool) -> None:
        if self.daemon:
            answer = ask(self.daemon, tree.root, self.environment)
            if (self.is_up in answer.output) is not is_up:
                raise WrongAnswer(f"{self.name}: its daemon should {'run' if is_up else 'be stopped'}: {answer.output}")


def unwind_when_terminated() -> None:
    """Let SIGTERM unwind this process as Ctrl-C does, so that daemons are stopped and folders removed."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def ask(command: list[str], folder: Path, environment: Mapping[str, str]) -> Answer:
    """Run a program in a folder to its end.

    Raises:
        DidNotStart: it cannot be started, or its exit code is not 0.

    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        begin = time.perf_counter()
        try:
            done = subprocess.run(command, cwd=folder, env=environment, stdout=output, stderr=output, check=False)
        except OSError as error:
            raise DidNotStart(f"{' '.join(command)}: {error}") from error
        seconds = time.perf_counter() - begin
        output.seek(0)
        answer = Answer(seconds=seconds, output=output.read())
    if done.returncode:
        raise DidNotStart(f"{' '.join(command)} ended with {done.returncode}:\n{answer.output}")
    return answer


def environment(home: Path) -> dict[str, str]:
    """Return the environment of all programs: a home of their own, no telemetry, no network, no colours."""
    # The interpreter's own uv, where it has one: a pyenv shim before it would cost each start 0.1 s.
    uv = shutil.which("uv", path=f"{sys.base_prefix}/bin") or shutil.which("uv")
    found = [uv, shutil.which("node"), shutil.which("git")]
    folders = dict.fromkeys(str(Path(program).parent) for program in found if program)
    (home / "tmp").mkdir(parents=True)
    return {
        "PATH": ":".join([*folders, "/usr/bin", "/bin"]),
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "NO_COLOR": "1",
        "ONCE_CACHE_DIR": str(home / "once"),
        "DO_NOT_TRACK": "1",
        "TURBO_TELEMETRY_DISABLED": "1",
        "TURBO_NO_UPDATE_NOTIFIER": "1",
        "NX_NO_CLOUD": "true",
        "NX_TUI": "false",
        "NX_DAEMON": "true",
        # What asks the network all the same is refused at once.
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }


def once(environment: Mapping[str, str]) -> Runner:
    """Return ours, as it is installed beside this Python."""
    program = str(Path(sys.executable).parent / "once")
    return Runner(
        name="once",
        run=[program, "run", "tests"],
        affected=[program, "affected", "--base", "main"],
        summary=re.compile(r"tests: (?P<hits>\d+) of (?P<total>\d+) from cache"),
        environment=environment,
        store=Path(environment["ONCE_CACHE_DIR"]),
    )


def turbo(environment: Mapping[str, str]) -> Runner:
    """Return turbo's native program: without its node wrapper, and without npm around each task."""
    program = str(peers.program("@turbo/*/bin/turbo"))
    return Runner(
        name="turbo",
        run=[program, "run", "tests"],
        affected=[program, "query", "affected", "--packages", "--base", "main", "--head", "HEAD"],
        summary=re.compile(r"Cached: +(?P<hits>\d+) cached, (?P<total>\d+) total"),
        environment=environment,
    )


def nx(environment: Mapping[str, str]) -> Runner:
    """Return nx with its daemon."""
    program = [shutil.which("node") or "node", str(peers.program("nx/dist/bin/nx.js"))]
    return Runner(
        name="nx",
        run=[*program, "run-many", "--targets", "tests"],
        affected=[*program, "show", "projects", "--affected", "--base", "main", "--json"],
        summary=re.compile(r"Cache: +(?P<hits>\d+)/(?P<total>\d+) hit"),
        environment=environment,
        daemon=[*program, "daemon"],
        is_up="currently running",
        stop=[*program, "daemon", "--stop"],
    )


def moon(environment: Mapping[str, str]) -> Runner:
    """Return moon's native program; its daemon is experimental, off by default, and saves nothing here."""
    program = str(peers.program("@moonrepo/core-*/moon"))
    return Runner(
        name="moon",
        run=[program, "run", ":tests"],
        affected=[program, "query", "affected", "main", "--downstream", "deep"],
        summary=re.compile(r"Tasks: (?P<total>\d+) completed(?: \((?P<hits>\d+) cached\))?"),
        environment=environment,
    )
