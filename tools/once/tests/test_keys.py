import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from workspaces import Workspace, lock, workspace

EDGES = {"base": ["django"], "lib": ["base"], "app": ["lib"], "other": ["flask"]}
VERSIONS = {"asgiref": "3.8", "django": "6.1.2", "flask": "3.1", "ruff": "0.17.6", "pytest": "9.2.0"}
GROUPS = {"lint": ["ruff"], "tests": ["pytest"]}
CONFIG = """
[tool.ruff]
line-length = 120

[tool.once.tasks.tests]
run = [["true"]]
group = "tests"
inputs = ["/configs/*.toml", "/build/generated.txt", "/data"]
env = ["KEYED"]

[tool.once.tasks.lint]
run = [["true"]]
group = "lint"
upstream = false
inputs = ["/pyproject.toml#tool.ruff"]
"""
ALL = {"app", "base", "lib", "other"}


@pytest.fixture
def repo(tmp_path: Path) -> Workspace:
    made = workspace(tmp_path, EDGES, tasks=CONFIG, versions=VERSIONS, groups=GROUPS)
    made.write("configs/limits.toml", "a = 1\n")
    made.write("data/a/table.csv", "1\n")
    made.write("README.md", "read me\n")
    made.write("packages/base/data.bin", "0123")
    (made.root / "packages/base/src/link.py").symlink_to("m0.py")
    (made.root / "packages/lib/outward").symlink_to("../../README.md")
    (made.root / "packages/lib/folder").symlink_to("../other/src")
    (made.root / "packages/lib/ignored").symlink_to("../../build/secret")
    made.commit()
    return made


def keys(made: Workspace, task: str = "tests", **variables: str) -> dict[str, str]:
    done = made.once("plan", task, "--json", **variables)
    assert done.stderr == ""
    return {row["job"].partition("(")[2][:-1]: row["key"] for row in json.loads(done.stdout)}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def same_size_and_mtime(file: Path) -> None:
    was = file.stat()
    file.write_bytes(bytes(reversed(file.read_bytes())))
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))


def relink(file: Path) -> None:
    file.unlink()
    file.symlink_to("m1.py")


def reconfigure(made: Workspace, old: str, new: str) -> None:
    text = (made.root / "pyproject.toml").read_text()
    assert old in text
    made.write("pyproject.toml", text.replace(old, new))


def flagged(made: Workspace, flag: str) -> None:
    made.git("update-index", flag, "packages/app/src/m0.py")
    made.write("packages/app/src/m0.py", "x")


def conflict(made: Workspace) -> None:
    made.git("checkout", "-qb", "side")
    made.write("packages/other/src/m0.py", "side\n")
    made.commit()
    made.git("checkout", "-q", "main")
    made.write("packages/other/src/m0.py", "main\n")
    made.commit()
    with pytest.raises(Exception, match="merge"):
        made.git("merge", "side")


EDITS: dict[str, tuple[Callable[[Workspace], object], set[str]]] = {
    "source": (lambda w: w.write("packages/base/src/m0.py", "x = 9\n"), {"app", "base", "lib"}),
    "leaf": (lambda w: w.write("packages/app/src/m0.py", "x = 9\n"), {"app"}),
    "tests of a dependency": (lambda w: w.write("packages/base/tests/test_base.py", ""), {"base"}),
    "untracked": (lambda w: w.write("packages/lib/src/new.py", ""), {"app", "lib"}),
    "untracked in a new folder": (lambda w: w.write("packages/app/src/new/new.py", ""), {"app"}),
    "deleted": (lambda w: (w.root / "packages/lib/src/m0.py").unlink(), {"app", "lib"}),
    "renamed": (lambda w: (w.root / "packages/app/src/m0.py").rename(w.root / "packages/app/src/n.py"), {"app"}),
    "mode": (lambda w: w.chmod("packages/app/src/m0.py"), {"app"}),
    "link's text": (lambda w: relink(w.root / "packages/base/src/link.py"), {"app", "base", "lib"}),
    "link's target elsewhere": (lambda w: w.write("README.md", "new\n"), {"app", "lib"}),
    "below a link's folder": (lambda w: w.write("packages/other/src/m0.py", "new\n"), {"app", "lib", "other"}),
    "ignored link's target": (lambda w: w.write("build/secret", "new\n"), {"app", "lib"}),
    "same size and mtime": (lambda w: same_size_and_mtime(w.root / "packages/base/data.bin"), {"app", "base", "lib"}),
    "ignored": (lambda w: w.write("packages/base/build/x.py", "x"), set()),
    "ignored, declared": (lambda w: w.write("build/generated.txt", "x"), ALL),
    "declared glob": (lambda w: w.write("configs/new.toml", "x"), ALL),
    "declared glob's neighbour": (lambda w: w.write("configs/new.txt", "x"), set()),
    "declared folder": (lambda w: w.write("data/a/b/new.csv", "x"), ALL),
    "document": (lambda w: w.write("docs/new.md", "x"), set()),
    "table of another tool": (lambda w: reconfigure(w, "line-length = 120", "line-length = 99"), set()),
    "touched": (lambda w: os.utime(w.root / "packages/base/src/m0.py"), set()),
    "assume-unchanged": (
        lambda w: flagged(w, "--assume-unchanged"),
        {"app"},
    ),
    "skip-worktree": (
        lambda w: flagged(w, "--skip-worktree"),
        {"app"},
    ),
    "file mode that git is told to ignore": (
        lambda w: (w.git("config", "core.fileMode", "false"), w.chmod("packages/app/src/m0.py")),
        {"app"},
    ),
    "conflict": (conflict, {"app", "lib", "other"}),
    "version": (lambda w: relock(w, VERSIONS | {"flask": "3.2"}), {"other"}),
    "version of a dependency's": (lambda w: relock(w, VERSIONS | {"django": "6.1.3"}), {"app", "base", "lib"}),
    "version of the task's tool": (lambda w: relock(w, VERSIONS | {"pytest": "9.3"}), ALL),
    "version of another task's tool": (lambda w: relock(w, VERSIONS | {"ruff": "0.18"}), set()),
    "version that nothing resolves to": (lambda w: relock(w, VERSIONS | {"asgiref": "3.9"}), set()),
}  # fmt: skip


def relock(made: Workspace, versions: dict[str, str]) -> None:
    made.write("uv.lock", lock(EDGES, versions=versions, groups=GROUPS))


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("state", ["dirty", "committed"])
def test_exactly_the_dependents_change(repo: Workspace, edit: str, state: str) -> None:
    change, expected = EDITS[edit]
    before = keys(repo)
    change(repo)
    if state == "committed" and edit not in {
        "conflict",
        "assume-unchanged",
        "skip-worktree",
        "file mode that git is told to ignore",
    }:
        dirty = keys(repo)
        repo.git("add", "--all")
        repo.git("commit", "-qm", "x", "--allow-empty")
        assert changed(dirty, keys(repo)) == set()
    assert changed(before, keys(repo)) == expected


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ("source", {"base"}),
        ("table of another tool", ALL),
        ("version of another task's tool", ALL),
        ("version", set()),
        ("document", set()),
    ],
)
def test_a_task_without_upstream(repo: Workspace, edit: str, expected: set[str]) -> None:
    before = keys(repo, "lint")
    EDITS[edit][0](repo)
    assert changed(before, keys(repo, "lint")) == expected


def test_declared_variables(repo: Workspace) -> None:
    before = keys(repo)
    assert changed(before, keys(repo, OTHER="x")) == set()
    assert changed(before, keys(repo, KEYED="")) == ALL


def test_a_stash_round_trip_and_a_rebase_miss_nothing(repo: Workspace) -> None:
    before = keys(repo)
    repo.write("packages/base/src/m0.py", "x = 9\n")
    dirty = keys(repo)
    repo.git("stash", "-q")
    assert keys(repo) == before
    repo.git("stash", "pop", "-q")
    assert keys(repo) == dirty
    repo.git("checkout", "-qb", "side")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.write("README2.md", "x")
    repo.commit()
    repo.git("rebase", "-q", "main", "side")
    assert keys(repo) == dirty


def test_another_folder_has_the_same_keys(repo: Workspace, tmp_path: Path) -> None:
    before = keys(repo)
    repo.git("clone", "-q", ".", str(tmp_path / "clone"))
    shutil.copytree(repo.root / ".venv", tmp_path / "clone/.venv", symlinks=True)
    assert keys(Workspace(tmp_path / "clone", repo.cache)) == before
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    shutil.copytree(repo.root / ".venv", tmp_path / "tree/.venv", symlinks=True)
    assert keys(Workspace(tmp_path / "tree", repo.cache)) == before
    # Not in git at all, as an unpacked archive.
    shutil.rmtree(tmp_path / "clone/.git")
    assert keys(Workspace(tmp_path / "clone", repo.cache)) == before


def test_submodules(repo: Workspace, tmp_path: Path) -> None:
    inner = workspace(tmp_path / "inner", {"x": []})
    repo.git("submodule", "--quiet", "add", str(inner.root), "packages/app/vendor")
    repo.commit()
    before = keys(repo)
    repo.write("packages/app/vendor/README.md", "dirty and untracked\n")
    after = keys(repo)
    assert changed(before, after) == {"app"}
    repo.write("packages/app/vendor/README.md", "dirty and untracked again\n")
    assert changed(after, keys(repo)) == {"app"}


def test_a_repository_that_nobody_added(repo: Workspace) -> None:
    repo.write("packages/app/nested/a.py", "1")
    repo.git("init", "-q", "packages/app/nested")
    before = keys(repo)
    repo.write("packages/app/nested/a.py", "2")
    assert changed(before, keys(repo)) == {"app"}


def test_what_git_converts_counts_as_it_is_on_the_disk(repo: Workspace, tmp_path: Path) -> None:
    repo.write(".gitattributes", "*.bin filter=upper\n")
    repo.git("config", "filter.upper.clean", "tr 9 0")
    repo.git("config", "filter.upper.smudge", "tr 0 9")
    repo.commit()
    before = keys(repo)
    (repo.root / "packages/base/data.bin").unlink()
    repo.git("checkout", "packages/base/data.bin")
    assert (repo.root / "packages/base/data.bin").read_text() == "9123"
    time.sleep(1.1)  # the second of the index must not be that of the checkout, in which each file is looked at
    repo.write("README.md", "read me\n\n")
    repo.git("add", "README.md")
    repo.git("checkout", "HEAD", "README.md")
    assert changed(before, keys(repo)) == {"app", "base", "lib"}


def test_a_file_set_back_in_the_second_of_the_index(repo: Workspace) -> None:
    # Git compares whole seconds: an edit in the second of `git add`, with size and mtime as before, does not show.
    file = repo.root / "packages/base/data.bin"
    for round_ in range(3):
        file.write_text("abc" * (round_ + 1))
        os.utime(file, (1_000_000_000, 1_000_000_000))
        repo.commit()
        before = keys(repo)
        file.write_text("xyz" * (round_ + 1))
        os.utime(file, (1_000_000_000, 1_000_000_000))
        assert changed(before, keys(repo)) == {"app", "base", "lib"}


def test_members_override_and_switch_off(repo: Workspace) -> None:
    before = keys(repo, "lint")
    text = (repo.root / "packages/app/pyproject.toml").read_text()
    repo.write("packages/app/pyproject.toml", text + "[tool.once.tasks]\nlint = false\n")
    assert keys(repo, "lint") == {name: key for name, key in before.items() if name != "app"}
    repo.write("packages/app/pyproject.toml", text + '[tool.once.tasks.lint]\nrun = [["false"]]\n')
    assert changed(before, keys(repo, "lint")) == {"app"}


def test_a_workspace_that_configures_nothing(tmp_path: Path) -> None:
    made = workspace(tmp_path, {"base": [], "app": ["base"]}, tasks="\n[tool.ruff]\nline-length = 100\n")
    assert made.once("run", "security").stderr == "once: There is no task 'security'; there are: lint, tests.\n"
    assert set(keys(made, "tests")) == {"app", "base"}
