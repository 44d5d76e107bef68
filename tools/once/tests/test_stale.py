"""The stale hit that the peers give: a task reads a file that nobody declared, and the file changes.

The tree is that of bench/stale.py, the same for all.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bench.graph import Shape
from bench.stale import SHAPE
from bench.tree import create

ONCE = Path(__file__).parents[1]
READ = "configs/limits.txt"
PROGRAM = (
    "import os\nos.makedirs('out', exist_ok=True)\nopen('out/r', 'w').write(open('../../configs/limits.txt').read())\n"
)


class Tree:
    """The tree of the peers' test, as `once` is asked in it."""

    def __init__(self, folder: Path, *, python: bool, declared: bool) -> None:
        program = f"{sys.executable} ../../read.py"
        self.tree = create(folder / "tree", Shape(packages=SHAPE.packages, task=program) if python else SHAPE)
        (self.tree.root / "read.py").write_text(PROGRAM)
        self.cache = folder / "cache"
        self.write("one")
        inputs = json.dumps(["/read.py", *([f"/{READ}"] if declared else [])])
        top = self.tree.root / "pyproject.toml"
        table = "[tool.once.tasks.tests]\n"
        assert table in top.read_text()
        top.write_text(top.read_text().replace(table, f"{table}inputs = {inputs}\n"))
        self.tree.commit("a file that the tasks read")

    def write(self, text: str) -> None:
        file = self.tree.root / READ
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    @property
    def answer(self) -> str:
        return self.tree.output(self.tree.shape.names[-1]).read_text()

    def run(self, *words: str) -> tuple[int, str, dict[str, int]]:
        """Run, and return the exit code, what was said on stderr, and how many jobs ended how."""
        self.tree.remove_outputs()
        done = subprocess.run(
            [str(Path(sys.executable).parent / "once"), "run", "tests", "--json", "--keep-going", *words],
            cwd=self.tree.root,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.cache), "ONCE_CACHE_DIR": str(self.cache)},
            check=False,
            capture_output=True,
            text=True,
        )
        statuses = [job["status"] for job in json.loads(done.stdout)["jobs"]]
        return done.returncode, done.stderr, {each: statuses.count(each) for each in set(statuses)}


def test_an_undeclared_read_is_named_and_never_stored(tmp_path: Path) -> None:
    tree = Tree(tmp_path, python=True, declared=False)
    for text in ("one", "two"):
        tree.write(text)
        code, said, ended = tree.run()
        assert (code, ended, tree.answer) == (0, {"passed": 5}, text)
        for name in tree.tree.shape.names:
            assert f"tests({name}) read {READ}, which is not among its inputs: add " in said
    assert tree.run("--strict")[0] == 3


def test_a_declared_read_runs_again(tmp_path: Path) -> None:
    tree = Tree(tmp_path, python=True, declared=True)
    assert tree.run()[2] == {"passed": 5}
    code, _, ended = tree.run()
    assert (code, ended, tree.answer) == (0, {"hit": 5}, "one")
    tree.write("two")
    code, _, ended = tree.run()
    assert (code, ended, tree.answer) == (0, {"passed": 5}, "two")


@pytest.mark.parametrize("mode", ["strict", "copy"])
def test_the_undeclared_read_of_a_native_program_is_refused(tmp_path: Path, mode: str) -> None:
    """With the peers' own task, a shell and cat, which no trace sees."""
    tree = Tree(tmp_path, python=False, declared=False)
    code, said, ended = tree.run("--sandbox", mode)
    assert (code, ended) == (1, {"failed": 5})
    assert f"tests(p0000) was refused {READ}, which is not among its inputs: add " in said


@pytest.mark.parametrize("mode", ["trace", "strict", "copy"])
def test_the_declared_read_of_a_native_program_runs_again(tmp_path: Path, mode: str) -> None:
    tree = Tree(tmp_path, python=False, declared=True)
    for text in ("one", "two"):
        tree.write(text)
        code, _, ended = tree.run("--sandbox", mode)
        assert (code, ended, tree.answer) == (0, {"passed": 5}, text)
        assert tree.run("--sandbox", mode)[2] == {"hit": 5}


def test_the_peers_are_stale(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("no npm, which brings turbo, nx and moon")
    done = subprocess.run(
        [sys.executable, "-m", "bench.stale", "--json"],
        cwd=ONCE,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode == 2 and "PeerMissing" in done.stderr:
        pytest.skip(f"the peers cannot be installed: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    assert [(each["runner"], each["hits"], each["answered"], each["truth"]) for each in json.loads(done.stdout)] == [
        (name, 5, "one", "two") for name in ("turbo", "nx", "moon")
    ]
