"""What changes affect is told from the changed paths as it is from the keys, after any edit."""

import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from workspaces import TASKS, Workspace, workspace

from once import since
from once.checkout import checkout, revision
from once.commands.affected import affected

EDGES = {"base": [], "lib": ["base"], "app": ["lib"], "other": ["base"]}
LINT = """
[tool.once.tasks.lint]
run = [["true"]]
upstream = false
inputs = ["/settings.toml#tool.lint", "/**/marked.txt", "/shared", "/.hidden/list"]
"""
EDITS = 75
TOLD = 20  # edits after which the changed paths must be enough
QUICK = 10  # and those after which the script must be
WAITS, SETTLED = 25, 3.1  # edits, seconds


def by_keys(root: str) -> list[since.Row]:
    base, now = revision(root, "main"), checkout(root, converted=False)
    jobs = affected(base, now, now.workspace.jobs(now.workspace.tasks))
    return [(job.task, job.member.name, job.member.path) for job in jobs]


def asked(made: Workspace) -> tuple[list[since.Row], bool]:
    """Return what `once affected` says, and whether the script did."""
    command = ["sh", "-x", *made.command("affected", "--json")]
    done = subprocess.run(command, cwd=made.root, env=made.environment(), check=True, capture_output=True, text=True)
    rows = [(row["task"], row["package"], row["path"]) for row in json.loads(done.stdout)]
    return rows, "-I -S -c" not in done.stderr


def by_changes(made: Workspace) -> list[since.Row] | None:
    answer = since.since(str(made.root), "main")
    return None if answer is None else answer[0]


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    made = workspace(tmp_path, EDGES, tasks=TASKS + LINT)
    monkeypatch.setenv("ONCE_CACHE_DIR", str(made.cache))
    made.write("settings.toml", "[tool.lint]\nselect = []\n")
    made.write("packages/base/README.md", "base\n")
    made.write("notes.txt", "of nobody\n")
    made.commit()
    assert made.once("affected").stdout == ""
    made.git("checkout", "-qb", "side")
    return made


def edit(made: Workspace, path: str) -> None:
    made.write(path, f"x = {random.random()}\n")  # noqa: S311  # a content


def same_size_and_mtime(made: Workspace, path: str) -> None:
    file = made.root / path
    before = file.stat()
    file.write_bytes(bytes(reversed(file.read_bytes())))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def rename(made: Workspace, path: str) -> None:
    file = made.root / path
    file.rename(file.with_name(f"moved_{file.name}"))


def link(made: Workspace, path: str) -> None:
    file = (made.root / path).with_suffix(".link")
    file.unlink(missing_ok=True)
    file.symlink_to("m0.py")


def unwatched(made: Workspace, path: str) -> None:
    made.git("add", "--all")
    made.git("update-index", "--assume-unchanged", path)
    edit(made, path)


KINDS: list[Callable[[Workspace, str], object]] = [
    edit,
    edit,
    lambda made, path: edit(made, f"{path}.new.py"),
    lambda made, path: edit(made, str(Path(path).with_name("README.md"))),
    lambda made, path: edit(made, str(Path(path).with_name("marked.txt"))),
    lambda made, path: (made.root / path).unlink(),
    lambda made, path: made.chmod(path),
    rename,
    same_size_and_mtime,
    unwatched,
    link,
    lambda made, _: edit(made, "shared/data.txt"),
    lambda made, _: edit(made, "packages/lib/out/r"),
    lambda made, _: edit(made, "notes.txt"),
    lambda made, _: made.write("settings.toml", "[tool.lint]\nselect = ['ALL']\n"),
    lambda made, _: made.write("packages/lib/pyproject.toml", '[project]\nname = "lib"\nversion = "1"\n'),
    lambda made, _: made.git("add", "--all"),
    lambda made, _: made.git("commit", "--all", "--allow-empty", "--message", "some"),
]


def test_a_file_that_git_takes_for_clean(repo: Workspace) -> None:
    path = repo.root / "packages/app/src/m0.py"
    before, text = path.stat(), path.read_bytes()
    time.sleep(SETTLED)
    assert asked(repo)[0] == []
    while repo.git("ls-files", "-m") or path.read_bytes() == text:
        time.sleep(1 - time.time() % 1)  # all of what follows is in one second, unless the machine is slow
        for content in (text, text[::-1]):
            path.write_bytes(content)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            if content == text:
                repo.git("add", "--all")
        time.sleep(1.1)
    rows = by_keys(str(repo.root))
    assert {row[1] for row in rows} == {"app"}
    assert asked(repo)[0] == rows


def test_random_edits(repo: Workspace) -> None:
    random.seed(3)
    told = quick = 0
    for number in range(EDITS):
        paths = [path for path in repo.git("ls-files", "packages/*.py").splitlines() if (repo.root / path).is_file()]
        kind = random.choice(KINDS)  # noqa: S311  # an edit
        kind(repo, random.choice(paths))  # noqa: S311  # as above
        expected, found = by_keys(str(repo.root)), by_changes(repo)
        assert found in (None, expected), f"edit {number}"
        told += found is not None
        said, by_script = asked(repo)
        assert said == expected, f"edit {number}, {by_script}"
        quick += by_script
        if number % WAITS == 0:  # the folders' times tell only what is no longer new
            time.sleep(SETTLED)
            for _ in range(3):
                assert asked(repo)[0] == expected, f"edit {number}, again"
        if random.random() < 0.3:  # noqa: S311  # as above
            repo.git("update-index", "--no-assume-unchanged", *repo.git("ls-files").splitlines())
            repo.git("reset", "--quiet", "--hard", "main")
            repo.git("clean", "-fdq")
            repo.git("checkout", "-qB", "side")
    assert told > TOLD
    assert quick > QUICK


def test_what_is_told(repo: Workspace) -> None:
    repo.write("packages/other/tests/test_other.py", "x = 1\n")
    assert by_changes(repo) == [("lint", "other", "packages/other"), ("tests", "other", "packages/other")]
    repo.write("packages/base/README.md", "more\n")
    assert {row[1] for row in by_changes(repo) or ()} == {"base", "other"}
    repo.write("packages/base/src/m1.py", "x = 7\n")
    repo.commit()
    assert by_changes(repo) == [
        *(("lint", name, f"packages/{name}") for name in ("base", "other")),
        *(("tests", name, f"packages/{name}") for name in ("app", "base", "lib", "other")),
    ]


@pytest.mark.parametrize(
    "path", ["uv.lock", "packages/lib/pyproject.toml", "settings.toml", "src/marked.txt", "shared/a", ".hidden/list"]
)
def test_what_only_keys_tell(repo: Workspace, path: str) -> None:
    assert by_changes(repo) == []
    with (repo.root / path).open("a") if (repo.root / path).exists() else repo.write(path, "").open("a") as file:
        file.write("\n")
    assert by_changes(repo) is None
