"""Kill -9 at any moment, a full disk, a corrupted cache, two runs at once: the next run is right, and says so."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from workspaces import Workspace, workspace

CHAIN = {"base": [], "lib": ["base"], "app": ["lib"], "other": []}
TASKS = """
[tool.once.tasks.tests]
run = [["sh", "-c", "mkdir -p {path}/out; cat {path}/src/*.py > {path}/out/r; cat {path}/out/r"]]
outputs = ["out/r"]
"""
KILLS = 32
CHECKED = 8  # kills between two looks at all of the cache
SETTLED = 3.1  # seconds: the second in which git's index was written must be over


@pytest.fixture
def chain(tmp_path: Path) -> Workspace:
    return workspace(tmp_path, CHAIN, tasks=TASKS)


def jobs(status: str) -> dict[str, str]:
    return {f"tests({name})": status for name in CHAIN}


def edit(made: Workspace, number: int) -> None:
    """Change what all packages depend on, in a way that is told apart later."""
    for name in CHAIN:
        made.write(f"packages/{name}/src/m0.py", f"x = {number}\n")


def outputs(made: Workspace) -> list[str]:
    return [(made.root / f"packages/{name}/out/r").read_text() for name in CHAIN]


def begin(made: Workspace) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        made.command("run", "tests", "-v"),
        cwd=made.root,
        env=made.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_right(made: Workspace, number: int, *, mended: Callable[[str], bool] = lambda _: True) -> None:
    """Run once more: what is replayed and restored is of the present sources, and all is cached afterwards."""
    for name in CHAIN:
        (made.root / f"packages/{name}/out/r").unlink(missing_ok=True)
    done = made.once("run", "tests", "-v")
    assert done.returncode == 0, done.stderr
    assert mended(done.stderr), done.stderr
    assert all(f"--- tests({name})\nx = {number}\nx = 1\n" in done.stdout for name in CHAIN), done.stdout
    assert outputs(made) == [f"x = {number}\nx = 1\n"] * len(CHAIN)
    assert made.statuses() == jobs("hit")


def test_kill_9_at_any_moment(chain: Workspace) -> None:
    edit(chain, 0)
    began = time.monotonic()
    assert chain.statuses() == jobs("passed")
    length = time.monotonic() - began
    moments = random.Random(KILLS)
    killed = number = 0
    while killed < KILLS:
        number += 1
        edit(chain, number)
        run = begin(chain)
        # All moments, with more of them towards the end, where results are stored.
        time.sleep(length * moments.random() ** 0.5)
        run.kill()
        if run.wait() == -signal.SIGKILL:
            killed += 1
        else:  # it had ended: the machine is faster now than it was
            length *= 0.9
        run.communicate()
        assert_right(chain, number)
        if killed % CHECKED == 0:
            assert set(leftovers(chain)) == set()


def leftovers(made: Workspace) -> Iterator[str]:
    """Yield what a checked cache says is not whole, after it removed it: nothing the second time."""
    made.once("cache", "verify")
    done = made.once("cache", "verify")
    yield from done.stderr.splitlines()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return what mounts a small disk, or makes it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(size: str) -> Path:
        options = f"{'remount,' if os.path.ismount(folder) else ''}size={size}"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("size", ["4k", "8k", "12k", "16k", "20k", "24k", "28k"])
def test_a_full_disk(chain: Workspace, disk: Callable[[str], Path], size: str) -> None:
    made = Workspace(chain.root, disk(size) / "cache")
    edit(made, 5)
    done = made.once("run", "tests", "-v")
    assert (done.returncode, outputs(made)) == (0, ["x = 5\nx = 1\n"] * len(CHAIN)), done.stderr
    assert "Traceback" not in done.stderr
    assert ("No space left on device" in done.stderr) or size > "2"  # where there is room for results
    disk("10m")
    assert_right(made, 5)


@pytest.mark.parametrize("size", [0, 100, 1000, 3000])
def test_a_quota(chain: Workspace, size: int) -> None:
    edit(chain, 5)
    command = ["sh", "-c", f'ulimit -f {size // 512}; exec "$@"', "sh", *chain.command("run", "tests", "-v")]
    done = subprocess.run(command, cwd=chain.root, env=chain.environment(), check=False, capture_output=True, text=True)
    # Without room for a byte the jobs cannot leave anything either.
    assert (done.returncode == 0) == (size > 512), done.stderr
    assert "Traceback" not in done.stderr
    assert_right(chain, 5)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[random.Random(len(content)).randrange(len(content))] ^= 0x10
    file.write_bytes(content)


def fold(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "something").write_text("in the way")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit": flip,
    "a flipped bit at the end": lambda file: file.write_bytes(file.read_bytes()[:-2] + b"\xff\n"),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "emptied": lambda file: file.write_bytes(b""),
    "replaced by another": lambda file: file.write_bytes(b"something else\n" * 10),
    "replaced by a folder": fold,
    "gone": lambda file: file.unlink(),
}
KINDS = ("ac", "cas", "history", "state", "quick", "CACHEDIR.TAG")


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a workspace in which all is cached and remembered."""
    made = workspace(tmp_path_factory.mktemp("used"), CHAIN, tasks=TASKS)
    edit(made, 1)
    made.commit()
    time.sleep(SETTLED)
    for _ in range(2):
        made.once("run", "tests")
    shutil.copytree(made.cache, made.cache.with_name("whole"))
    return made


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    ("kind", "alone"),
    [*((kind, False) for kind in KINDS), *((kind, True) for kind in ("ac", "cas", "history"))],
    ids=lambda each: each if isinstance(each, str) else "without its memo" if each else "with its memo",
)
def test_a_corrupted_cache(used: Workspace, kind: str, damage: str, *, alone: bool) -> None:
    shutil.rmtree(used.cache)
    shutil.copytree(used.cache.with_name("whole"), used.cache)
    files = [file for file in sorted((used.cache / kind).rglob("*") or ()) if file.is_file()] or [used.cache / kind]
    assert all(file.is_file() for file in files), kind
    if alone:
        shutil.rmtree(used.cache / "state")
        shutil.rmtree(used.cache / "quick")
    for file in files:
        DAMAGES[damage](file)
    damaged = kind == "ac" and damage != "gone"  # what is not whole of other kinds only costs time
    assert_right(used, 1, mended=lambda said: said.count("torn or altered; removed") == (len(files) if damaged else 0))
    if kind in {"ac", "cas", "history"}:
        assert used.once("why", "app", "tests").returncode == 0
    if kind == "cas":
        assert set(leftovers(used)) == set()


@pytest.mark.parametrize("name", ["ac", "cas", "locks", "state", "quick", "history"])
def test_something_else_under_a_name_of_the_cache(used: Workspace, name: str) -> None:
    shutil.rmtree(used.cache)
    shutil.copytree(used.cache.with_name("whole"), used.cache)
    there = used.cache / name
    if there.is_dir():
        shutil.rmtree(there)
        there.write_text("in the way")
    else:
        fold(there)
    edit(used, 2)
    done = used.once("run", "tests", "-v")
    try:
        assert (done.returncode, outputs(used)) == (0, ["x = 2\nx = 1\n"] * len(CHAIN)), done.stderr
        assert "Traceback" not in done.stderr
    finally:
        edit(used, 1)


def test_runs_at_once_in_one_checkout(chain: Workspace) -> None:
    for number in range(5):
        edit(chain, number)
        runs = [begin(chain) for _ in range(3)]
        for run in runs:
            said, errors = run.communicate()
            assert run.returncode == 0, errors
            assert said.count(f"x = {number}\nx = 1\n") == len(CHAIN)
        assert_right(chain, number)


def test_an_edit_while_it_runs(chain: Workspace) -> None:
    for number in range(1, 9):
        edit(chain, 0)
        run = begin(chain)
        time.sleep(number / 16)
        edit(chain, number)
        run.communicate()
        assert_right(chain, number)
