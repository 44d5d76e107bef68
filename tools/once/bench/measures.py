"""The measures: each yields its lines of the table."""

import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bench.graph import Shape
from bench.rounds import Result, compared, medians
from bench.runners import Runner, WrongAnswer, ask
from bench.tree import Tree, create

type Lines = Iterator[tuple[str, Result]]

_NAME: Final = re.compile(r"\bp\d{4}\b")
_BIN: Final = Path(sys.executable).parent
# What is below this is noise of the clock: a difference is never zero, nor below.
_NOISE_S: Final = 0.0001
_BESIDES_TURBO: Final = {"nx": 10.0, "moon": 10.0}


@dataclass(frozen=True, kw_only=True)
class Effort:
    """The packages of the workspaces of (a), (b) and (e), those of (c), the two of (d), and the rounds of all."""

    sizes: tuple[int, ...]
    cold: int
    growth: tuple[int, int]
    rounds: int


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where the workspaces are made, and who is measured: ours first, then the peers."""

    folder: Path
    runners: tuple[Runner, ...]
    effort: Effort

    @property
    def once(self) -> Runner:
        """Return ours."""
        return self.runners[0]

    def tree(self, packages: int, files: int = 10, *, runner: Runner | None = None) -> Tree:
        """Return the workspace of this shape, on its branch `main`, made at its first use.

        Each runner has its own copy (without one: ours), for they would replace each other's outputs.
        """
        shape = Shape(packages=packages, files=files)
        root = self.folder / (runner or self.once).name / f"{packages}x{files}"
        if not root.exists():
            return create(root, shape)
        tree = Tree(root=root, shape=shape)
        tree.git("switch", "--quiet", "main")
        return tree

    @contextmanager
    def started(self, trees: Mapping[str, Tree]) -> Iterator[None]:
        """Warm up each runner in its workspace; stop the daemons in the end."""
        with ExitStack() as stack:
            for runner in self.runners:
                stack.enter_context(runner.started(trees[runner.name]))
            yield


def _targets(packages: int) -> dict[str, float]:
    return {"turbo": 4.0 if packages >= 200 else 1.0} | _BESIDES_TURBO  # noqa: PLR2004  (the largest size)


def cached(bench: Bench) -> Lines:
    """(a) All packages from the cache, after each runner has proved that its cache works."""
    for packages in bench.effort.sizes:
        trees = {runner.name: bench.tree(packages, runner=runner) for runner in bench.runners}
        for runner in bench.runners:
            _prove(runner, trees[runner.name])
        with bench.started(trees):
            runs = {each.name: partial(each.run_all, trees[each.name], hits=packages) for each in bench.runners}
            seconds = medians(bench.effort.rounds, runs)
        yield from compared(f"cached_{packages}", seconds, _targets(packages)).items()


def _prove(runner: Runner, tree: Tree) -> None:
    """Let a runner show that it runs, hits, restores outputs, and re-runs exactly what an edit reaches."""
    packages, edited = tree.shape.packages, tree.shape.packages // 2
    runner.forget(tree)
    with runner.started(tree, hits=0):
        runner.run_all(tree, hits=packages)
        tree.remove_outputs()
        runner.run_all(tree, hits=packages)
        source = tree.source(edited)
        before = source.read_text(encoding="utf-8")
        source.write_text(f"{before}EDITED = True\n", encoding="utf-8")
        runner.run_all(tree, hits=packages - len(tree.shape.dependents(edited)))
        source.write_text(before, encoding="utf-8")
        runner.run_all(tree, hits=packages)


def affected(bench: Bench) -> Lines:
    """(b) The packages that a commit since `main` affects: one in the application, one in the root library.

    `first` is after each round's own commit, so that nothing is known of its state; else it is asked again and again.
    """
    for packages in bench.effort.sizes:
        for branch, changed in (("leaf", packages - 1), ("root", 0)):
            trees = {
                runner.name: _branch(bench.tree(packages, runner=runner), branch, changed) for runner in bench.runners
            }
            expected = trees["once"].shape.dependents(changed)
            with bench.started(trees):
                lists = {
                    each.name: partial(each.list_affected, trees[each.name], expected=expected)
                    for each in bench.runners
                }
                seconds = medians(bench.effort.rounds, lists)
                commits = {
                    each.name: partial(_commit, each, trees[each.name], changed, expected)
                    for each in bench.runners
                    if each.name in {"once", "turbo"}
                }
                first = medians(bench.effort.rounds, commits)
            yield from compared(f"affected_{branch}_{packages}", seconds, _targets(packages)).items()
            yield from compared(f"affected_first_{branch}_{packages}", first, {"turbo": 1.0}).items()


def _branch(tree: Tree, name: str, changed: int) -> Tree:
    """Switch to a new branch with one commit, which changes a module of one package."""
    tree.git("switch", "--quiet", "--force-create", name)
    tree.source(changed).write_text("CHANGED = True\n", encoding="utf-8")
    tree.commit(f"change the {name}")
    return tree


def _commit(runner: Runner, tree: Tree, changed: int, expected: set[str]) -> float:
    with tree.source(changed).open("a", encoding="utf-8") as file:
        file.write("CHANGED = False\n")
    tree.commit("change it again")
    return runner.list_affected(tree, expected=expected)


def cold(bench: Bench) -> Lines:
    """(c) What once and turbo add to each task, beyond a shell that runs the tasks alone, on as many cores."""
    packages = bench.effort.cold
    alone = bench.tree(packages)
    runs = {
        runner.name: partial(_cold, runner, bench.tree(packages, runner=runner))
        for runner in bench.runners
        if runner.name in {"once", "turbo"}
    }
    seconds = medians(bench.effort.rounds, {"alone": partial(_alone, bench, alone)} | runs)
    ideal = seconds["alone"] / (os.process_cpu_count() or 1)
    ours, turbo = (max(_NOISE_S, seconds[name] - ideal) / packages for name in ("once", "turbo"))
    yield f"cold_overhead_{packages}_vs_turbo", Result(ours=ours, other=turbo, ratio=turbo / ours, target=1.0)


def _alone(bench: Bench, tree: Tree) -> float:
    tree.remove_outputs()
    loop = f"for each in packages/*; do (cd $each && exec sh -c {shlex.quote(tree.shape.task)}); done"
    seconds = ask(["sh", "-c", loop], tree.root, bench.once.environment).seconds
    if missing := tree.missing_outputs():
        raise WrongAnswer(f"the shell alone: no output of {missing}")
    return seconds


def _cold(runner: Runner, tree: Tree) -> float:
    runner.forget(tree)
    return runner.run_all(tree, hits=0)


def keys(bench: Bench) -> Lines:
    """(d) How the cost of the keys grows: seconds for each file, beyond those of five packages, small over large."""
    files = 100
    few, small, large = bench.tree(5), *(bench.tree(packages, files) for packages in bench.effort.growth)
    plans = {str(tree.root): partial(_plan, bench, tree) for tree in (few, small, large)}
    seconds = medians(bench.effort.rounds, plans)
    per_file = [
        max(_NOISE_S, seconds[str(tree.root)] - seconds[str(few.root)]) / (tree.shape.packages * files)
        for tree in (small, large)
    ]
    name = f"key_growth_{small.shape.packages}_to_{large.shape.packages}"
    yield name, Result(ours=per_file[1], other=per_file[0], ratio=per_file[0] / per_file[1], target=0.8)


def _plan(bench: Bench, tree: Tree) -> float:
    answer = ask([bench.once.run[0], "plan", "tests"], tree.root, bench.once.environment)
    planned = set(_NAME.findall(answer.output))
    if planned != set(tree.shape.names):
        raise WrongAnswer(f"once plan names {len(planned)} of {tree.shape.packages} packages: {answer.output[:500]}")
    return answer.seconds


def nox(bench: Bench) -> Lines:
    """(e) What `nox -s tests` adds to nox's own start when all is cached."""
    for packages in bench.effort.sizes:
        tree = bench.tree(packages)
        with bench.once.started(tree):
            seconds = medians(
                bench.effort.rounds,
                {session: partial(_session, bench, tree, session) for session in ("empty", "tests")},
            )
        added = max(_NOISE_S, seconds["tests"] - seconds["empty"])
        yield (
            f"nox_added_{packages}",
            Result(ours=added, other=seconds["empty"], ratio=seconds["empty"] / added, target=1.0),
        )


def _session(bench: Bench, tree: Tree, session: str) -> float:
    ours = bench.once
    path = f"{_BIN}:{ours.environment['PATH']}"
    answer = ask([str(_BIN / "nox"), "-s", session], tree.root, {**ours.environment, "PATH": path})
    if session == "tests":
        ours.expect_hits(answer.output, tree, hits=tree.shape.packages)
    return answer.seconds
