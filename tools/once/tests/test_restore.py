"""What a stored result may write: an unsigned remote, or whoever writes to a shared cache, must not choose that."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from workspaces import Workspace, workspace

from once.checkout import checkout
from once.store import LocalStore

OUTPUTS = 'outputs = ["out/r", "/build/{name}/*.xml", "logs"]'
SCRIPT = "mkdir -p {path}/out && echo made > {path}/out/r"
TASKS = f"\n[tool.once.tasks.tests]\nrun = [['sh', '-c', '{SCRIPT}']]\n{OUTPUTS}\n"
HOSTILE = ("100644", b"hostile\n")


@pytest.fixture
def made(tmp_path: Path) -> Workspace:
    made = workspace(tmp_path, {"lib": []}, tasks=TASKS)
    made.write(".gitignore", ".venv/\n__pycache__/\nout\nbuild\nlogs\n")  # symlinks too
    made.commit()
    assert made.statuses() == {"tests(lib)": "passed"}
    return made


def poison(made: Workspace, **changed: Any) -> None:
    now, store = checkout(str(made.root)), LocalStore(made.cache)
    (job,) = now.workspace.jobs(["tests"])
    key = now.keys.of(job).digest
    result = store.get(key)
    assert result is not None
    store.put(key, replace(result, **changed))
    for known in ("state", "quick"):  # what the last run knows makes it look at no result
        shutil.rmtree(made.cache / known, ignore_errors=True)


def content(root: Path) -> dict[str, bytes]:
    files = (each for each in root.rglob("*") if each.is_file() and not each.is_relative_to(root / ".git"))
    return {str(each.relative_to(root)): each.read_bytes() for each in files}


@pytest.mark.parametrize(
    "path",
    [
        "pyproject.toml",
        ".git/hooks/post-checkout",
        "packages/lib/src/m0.py",
        "packages/lib/out/other",
        "packages/lib/out/r/../../src/m0.py",
        "packages/lib/logs/../src/m0.py",
        "build/lib/r.txt",
        "build/other/r.xml",
        "../outside",
        "/outside",
        "",
    ],
)
def test_an_undeclared_output_is_not_written(made: Workspace, path: str) -> None:
    poison(made, outputs={path: HOSTILE})
    before = content(made.root.parent / "ws")
    done = made.once("run", "tests")
    assert done.stderr.splitlines()[0] == (
        f"once: tests(lib): it would write {path}, which is not among the outputs of the task; "
        "the stored result is not used"
    )
    assert re.sub(r"\d+ ms", "N ms", done.stdout) == "tests: 0 of 1 from cache, 1 passed in N ms\n"
    assert content(made.root.parent / "ws") == before
    assert not (made.root.parent / "outside").exists()


@pytest.mark.parametrize(
    "path", ["packages/lib/out/r", "build/lib/r.xml", "packages/lib/logs", "packages/lib/logs/a/b"]
)
def test_a_declared_output_is_written(made: Workspace, path: str) -> None:
    poison(made, outputs={path: HOSTILE})
    assert made.statuses() == {"tests(lib)": "hit"}
    assert (made.root / path).read_bytes() == b"hostile\n"


@pytest.mark.parametrize("link", ["packages/lib/out", "packages/lib/logs", "packages/lib/logs/deep"])
def test_nothing_is_written_through_a_symlink(made: Workspace, tmp_path: Path, link: str) -> None:
    target = tmp_path / "target"
    target.mkdir()
    place = made.root / link
    if place.exists():
        place.rename(tmp_path / "moved")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)
    poison(made, outputs={f"{link}/r": HOSTILE})
    said = (
        f"once: tests(lib): it would write {link}/r through {link}, which is a symlink; the stored result is not used"
    )
    assert made.once("run", "tests").stderr.splitlines()[0] == said
    assert not (target / "r").exists() or (target / "r").read_text() == "made\n"


def test_a_folder_in_the_way_is_a_miss(made: Workspace) -> None:
    poison(made, outputs={"packages/lib/logs": HOSTILE})
    made.write("packages/lib/logs/mine", "mine")
    done = made.once("run", "tests")
    assert done.stderr.startswith("once: tests(lib): [Errno 21] Is a directory: ")
    assert (done.returncode, (made.root / "packages/lib/logs/mine").read_text()) == (0, "mine")


def test_the_remote_is_asked_once_something_misses(made: Workspace) -> None:
    remote = {"ONCE_REMOTE": "https://"}
    assert "once: remote: " not in made.once("run", "tests", "-v", **remote).stderr
    assert "once: remote: " in made.once("run", "tests", "--force", **remote).stderr
