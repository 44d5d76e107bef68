"""`python -m bench.stale`: a task reads a file that nobody declared, and the file changes: who answers as before?"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench import peers, runners
from bench.graph import Shape
from bench.runners import Runner
from bench.tree import Tree, create

_READ: Final = "configs/limits.txt"
SHAPE: Final = Shape(packages=5, task=f"mkdir -p out && cat ../../{_READ} > out/r")
_EPILOG: Final = """\
exit code: 0 every peer was stale, 1 one was not, 2 one did not do its work

examples:
  python -m bench.stale           one line for each peer
  python -m bench.stale --json    a list of objects
"""


@dataclass(frozen=True, kw_only=True)
class StaleHit:
    """How a runner answered after an undeclared file changed from `before` to `truth`."""

    runner: str
    hits: int
    total: int
    before: str
    answered: str
    truth: str

    @property
    def is_stale(self) -> bool:
        """Return whether everything came from the cache, with the old output."""
        return self.hits == self.total and self.answered == self.before != self.truth


def stale_hit(runner: Runner, tree: Tree) -> StaleHit:
    """Change the undeclared file of a workspace of `SHAPE` between two runs, and return how the runner answers.

    Then a declared file changes: the task must run again and write what is true, so that nobody can say that it
    does not read the file.

    Raises:
        WrongAnswer: a run without a changed file misses, or the one with a changed source does not run again.

    """
    before, truth = "one", "two"
    total, last = tree.shape.packages, tree.output(tree.shape.names[-1])
    read = tree.root / _READ
    read.parent.mkdir()
    read.write_text(before, encoding="utf-8")
    tree.commit("a file that the tasks read")
    with runner.started(tree, hits=0):
        runner.run_all(tree, hits=total)
        read.write_text(truth, encoding="utf-8")
        tree.remove_outputs()
        counts = runner.hits(runners.ask(runner.run, tree.root, runner.environment).output)
        answered = last.read_text(encoding="utf-8")
        tree.source(0).write_text("CHANGED = True\n", encoding="utf-8")
        runner.run_all(tree, hits=0)
        if last.read_text(encoding="utf-8") != truth:
            raise runners.WrongAnswer(f"{runner.name}: the task does not read {_READ}")
    return StaleHit(runner=runner.name, hits=counts[0], total=total, before=before, answered=answered, truth=truth)


def stale_hits() -> list[StaleHit]:
    """Return how turbo, nx and moon answer, each in a workspace of its own."""
    peers.install()
    with tempfile.TemporaryDirectory(prefix="stale-") as folder:
        environment = runners.environment(Path(folder) / "home")
        everybody = [make(environment) for make in (runners.turbo, runners.nx, runners.moon)]
        return [stale_hit(runner, create(Path(folder) / runner.name, SHAPE)) for runner in everybody]


def main() -> int:
    """Ask all peers; see the exit codes in `--help`."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.stale",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    options = parser.parse_args()
    runners.unwind_when_terminated()
    try:
        found = stale_hits()
    except (peers.PeerMissing, runners.DidNotStart, runners.WrongAnswer) as failure:
        parser.exit(2, f"{type(failure).__name__}: {failure}\n")
    lines = [_line(each) for each in found]
    objects = [asdict(each) | {"is_stale": each.is_stale} for each in found]
    print(json.dumps(objects, indent=2) if options.json else "\n".join(lines))  # noqa: T201  (its answer)
    return 0 if all(each.is_stale for each in found) else 1


def _line(found: StaleHit) -> str:
    said = f"{found.hits} of {found.total} from the cache, with {found.answered!r} where {found.truth!r} is true"
    return f"{found.runner}: {'stale' if found.is_stale else 'not stale'}: {said}"


if __name__ == "__main__":
    sys.exit(main())
