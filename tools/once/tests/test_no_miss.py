"""No needless miss: what no result depends on changes, and everything is from the cache, through the command line."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from workspaces import Workspace, workspace

EDGES = {"base": ["django"], "lib": ["base"], "app": ["lib"], "other": []}
TASKS = """
[tool.once.tasks.tests]
run = [["sh", "-c", "cat {path}/src/*.py"]]
inputs = ["/configs/*.toml"]
"""


@pytest.fixture
def repo(tmp_path: Path) -> Workspace:
    made = workspace(tmp_path, EDGES, tasks=TASKS, versions={"django": "6.1.2"})
    made.write("configs/limits.toml", "a = 1\n")
    (made.root / "packages/base/src/link.py").symlink_to("m0.py")
    made.chmod("packages/lib/src/m1.py")
    made.commit()
    return made


def jobs(status: str, *packages: str) -> dict[str, str]:
    return {f"tests({name})": status for name in packages or EDGES}


def another(made: Workspace, root: Path, *, venv: bool = True) -> Workspace:
    """Return a checkout elsewhere, with the same cache."""
    if venv:
        shutil.copytree(made.root / ".venv", root / ".venv", symlinks=True)
    return Workspace(root, made.cache)


def touch(made: Workspace) -> None:
    for seconds, file in enumerate(sorted(made.root.glob("packages/*/src/*.py"))):
        os.utime(file, (seconds * 100_000_000, seconds * 100_000_000))


def rewrite(made: Workspace) -> None:
    for file in made.root.glob("packages/*/src/m*.py"):
        beside = file.with_name("beside")
        shutil.copy(file, beside)
        beside.replace(file)


def stash(made: Workspace) -> None:
    made.write("packages/base/src/m0.py", "x = 7\n")
    made.write("packages/app/src/new.py", "")
    made.git("stash", "push", "-q", "--include-untracked")


def pop(made: Workspace) -> None:
    stash(made)
    made.git("stash", "pop", "-q")
    made.git("reset", "-q", "--hard")
    made.git("clean", "-fdq")


def switch(made: Workspace) -> None:
    made.git("checkout", "-qb", "side")
    made.write("packages/base/src/m0.py", "x = 7\n")
    (made.root / "packages/lib/src/m1.py").unlink()
    made.commit()
    made.git("checkout", "-q", "main")


def rebase(made: Workspace) -> None:
    made.git("checkout", "-qb", "side")
    made.write("docs/index.md", "words\n")
    made.commit()
    made.git("checkout", "-q", "main")
    made.write("README.md", "words\n")
    made.commit()
    made.git("rebase", "-q", "main", "side")


def comment(made: Workspace) -> None:
    text = (made.root / "pyproject.toml").read_text()
    made.write("pyproject.toml", f"# A comment.\n{text}\n[tool.other]\nx = 1\n")


def there_and_back(made: Workspace) -> None:
    made.write("packages/base/src/m0.py", "x = 7\n")
    made.write("packages/base/src/m0.py", "x = 0\n")


def index_anew(made: Workspace) -> None:
    (made.root / ".git/index").unlink()
    made.git("reset", "-q")


EDITS: dict[str, Callable[[Workspace], object]] = {
    "touched": touch,
    "other files with the same content": rewrite,
    "a stash": stash,
    "a stash round trip": pop,
    "another branch and back": switch,
    "a rebase of documents": rebase,
    "a comment and another tool's table in the root's pyproject.toml": comment,
    "an edit and its reversal": there_and_back,
    "a new index": index_anew,
    "garbage collected by git": lambda made: made.git("gc", "-q"),
    "an ignored file": lambda made: made.write("packages/base/build/x.py", "x"),
    "a document beside the packages": lambda made: made.write("docs/new.md", "x"),
    "a neighbour of a declared glob": lambda made: made.write("configs/new.yaml", "x"),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_everything_is_cached_after(repo: Workspace, edit: str) -> None:
    assert repo.statuses() == jobs("passed")
    EDITS[edit](repo)
    assert repo.statuses() == jobs("hit")


def test_what_was_dirty_is_committed(repo: Workspace) -> None:
    repo.write("packages/base/src/m0.py", "x = 7\n")
    repo.write("packages/app/src/new.py", "")
    (repo.root / "packages/lib/src/m1.py").unlink()
    assert repo.statuses() == jobs("passed")
    repo.git("add", "packages/base")
    assert repo.statuses() == jobs("hit")
    repo.commit()
    assert repo.statuses() == jobs("hit")
    repo.git("commit", "-q", "--amend", "-m", "other words")
    assert repo.statuses() == jobs("hit")


def test_a_comment_in_one_package_misses_it_and_its_dependents_only(repo: Workspace) -> None:
    repo.statuses()
    repo.write("packages/other/src/m0.py", "x = 0  # a comment\n")
    assert repo.statuses() == jobs("hit") | jobs("passed", "other")
    repo.write("packages/lib/src/m0.py", "x = 0  # a comment\n")
    assert repo.statuses() == jobs("hit") | jobs("passed", "lib", "app")


def test_a_dirty_stash_comes_back_to_its_own_results(repo: Workspace) -> None:
    repo.statuses()
    repo.write("packages/lib/src/m0.py", "x = 7\n")
    assert repo.statuses() == jobs("hit") | jobs("passed", "lib", "app")
    repo.git("stash", "-q")
    assert repo.statuses() == jobs("hit")
    repo.git("stash", "pop", "-q")
    assert repo.statuses() == jobs("hit")


@pytest.mark.parametrize("kind", ["clone", "copy", "worktree", "archive"])
def test_another_folder(repo: Workspace, tmp_path: Path, kind: str) -> None:
    repo.statuses()
    to = tmp_path / "deep/er" / kind
    to.parent.mkdir(parents=True)
    if kind == "copy":
        shutil.copytree(repo.root, to, symlinks=True)
    elif kind == "worktree":
        repo.git("worktree", "add", "-q", "--detach", str(to))
    else:
        repo.git("clone", "-q", ".", str(to))
    if kind == "archive":
        shutil.rmtree(to / ".git")
    assert another(repo, to, venv=kind != "copy").statuses() == jobs("hit")


def test_another_user(repo: Workspace, tmp_path: Path) -> None:
    repo.statuses()
    (tmp_path / "home").mkdir()
    settings = "[core]\n\tautocrlf = input\n\tquotePath = false\n[status]\n\tshowUntrackedFiles = no\n"
    (tmp_path / "home/.gitconfig").write_text(settings)
    variables = {
        "HOME": str(tmp_path / "home"),
        "USER": "other",
        "LOGNAME": "other",
        "LANG": "C.UTF-8",
        "TZ": "Asia/Tokyo",
    }
    assert repo.statuses(**variables) == jobs("hit")
