"""Where all is as it was the shell script answers, and after any change it does not."""

import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from workspaces import ONCE, TASKS, Workspace, workspace

from once import listing, memo, quick
from once.store import LocalStore

CHECK = '[tool.once.tasks.check]\nrun = [["echo", "checked"]]\n'
SETTLED = 3.1  # seconds after which no second is open in which git's index was written
TESTS = 32
CACHED = "tests: 2 of 2 from cache in "


def ask(made: Workspace, *words: str, **variables: str) -> tuple[bool, str]:
    """Return whether `once` answered without Python, and what it printed."""
    done = subprocess.run(
        ["sh", "-x", *made.command(*words)],
        cwd=made.root,
        env=made.environment(**variables),
        check=True,
        capture_output=True,
        text=True,
    )
    return "-I -S -c" not in done.stderr, done.stdout


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> list[Workspace]:
    """Return workspaces of which all is known: one for each test, that the wait is only once."""
    found = []
    for number in range(TESTS):
        made = workspace(
            tmp_path_factory.mktemp(f"repo{number}"),
            {"base": [], "app": ["base"]},
            tasks=f'{CHECK}{TASKS}env = ["SET", "UNSET", "EMPTY"]\ninputs = ["ignored/data"]\n',
        )
        made.write(".gitignore", ".venv/\n__pycache__/\nout/\nbuild/\nignored/\n")
        made.write("packages/app/ignored/data", "ignored, and declared\n")
        made.commit()
        found.append(made)
    time.sleep(SETTLED)
    return found


@pytest.fixture
def repo(pool: list[Workspace]) -> Workspace:
    made = pool.pop()
    for _ in range(2):  # what passes leaves outputs: the second one finds all as it will stay
        made.once("run", "tests", SET="it's", EMPTY="")
    assert again(made)[0]
    return made


def again(made: Workspace) -> tuple[bool, str]:
    return ask(made, "run", "tests", SET="it's", EMPTY="")


def test_cached(repo: Workspace) -> None:
    assert again(repo)[1].startswith(CACHED)
    inside = subprocess.run(
        [*repo.command("run", "tests", "tests")],
        cwd=repo.root / "packages/app/src",
        env=repo.environment(SET="it's", EMPTY=""),
        check=True,
        capture_output=True,
        text=True,
    )
    assert inside.stdout.count(CACHED) == 2


def test_affected(repo: Workspace) -> None:
    repo.write("packages/app/src/m0.py", "x = 7\n")
    time.sleep(SETTLED)
    assert ask(repo, "affected") == (False, "app\n")
    assert ask(repo, "affected", "--base", "main") == (True, "app\n")
    assert ask(repo, "affected", "--json", "tests") == (
        True,
        '[{"task": "tests", "package": "app", "path": "packages/app"}]\n',
    )
    repo.git("branch", "old")
    repo.commit()
    assert ask(repo, "affected") == (False, "")
    assert ask(repo, "affected", "--base", "old") == (False, "app\n")
    repo.write("packages/base/src/m0.py", "x = 7\n")
    repo.commit()
    assert ask(repo, "affected", "--base", "old") == (True, "app\nbase\n")
    assert repo.statuses() == {"tests(app)": "passed", "tests(base)": "passed"}


def test_affected_again(repo: Workspace) -> None:
    repo.git("checkout", "-qb", "side")
    repo.write("packages/app/src/m0.py", "x = 7\n")
    repo.commit()
    assert ask(repo, "affected")[1] == "app\n"
    time.sleep(SETTLED)
    assert ask(repo, "affected")[1] == "app\n"
    assert (how(repo), how(repo)) == (("again", "app\n"), ("again", "app\n"))
    repo.write("packages/app/src/m0.py", "x = 8\n")
    assert how(repo) == ("changed", "app\n")
    repo.write("packages/app/src/m0.py", "x = 1\n")
    repo.write("packages/base/src/new.py", "x = 1\n")
    assert how(repo) == ("listed", "app\nbase\n")


def how(made: Workspace) -> tuple[str, str]:
    """Return by what the script told what is affected, and what it was."""
    calls = made.root / ".venv/bin/calls"
    text = (ONCE / "bin/once").read_text().replace("2>/dev/null; then", "; then")
    # Told by itself: processes of one pipe write their traces into each other's lines.
    text = text.replace("list() {", f'list() {{ echo "$1" >>{shlex.quote(str(calls))};', 1)
    (made.root / ".venv/bin/loud").write_text(text)
    calls.write_text("")
    command = ["sh", "-x", str(made.root / ".venv/bin/loud"), "affected"]
    done = subprocess.run(command, cwd=made.root, env=made.environment(), check=True, capture_output=True, text=True)
    assert "-I -S -c" not in done.stderr
    listed = calls.read_text().split()
    by = "listed" if "-o" in listed else "changed" if "-s" in listed else "again"
    return by, done.stdout


@pytest.mark.parametrize(("name", "is_quick"), [("it's a file", True), ("a\n? b", False)])
def test_untracked(repo: Workspace, name: str, is_quick: bool) -> None:  # noqa: FBT001  # a parameter of the test
    repo.write(f"packages/app/{name}", "new\n")
    time.sleep(SETTLED)
    for _ in range(2):
        again(repo)
    assert again(repo)[0] is is_quick
    (repo.root / f"packages/app/{name}").unlink()
    for each in name.split("\n? "):
        repo.write(f"packages/app/{each}", "new\n")
    assert again(repo)[0] is False


def same_times(made: Workspace) -> None:
    file = made.root / "packages/base/src/m0.py"
    before = file.stat()
    file.write_text("x = 9\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def interpreter(made: Workspace) -> None:
    python = made.root / ".venv/bin/python"
    target = python.resolve()
    python.unlink()
    shutil.copy(target, python)
    made.write(".venv/pyvenv.cfg", f"home = {target.parent}\n")


CHANGES: dict[str, Callable[[Workspace], object]] = {
    "edited": lambda made: made.write("packages/base/src/m0.py", "x = 7\n"),
    "edited, its size and mtime as before": same_times,
    "new": lambda made: made.write("packages/base/src/new.py", ""),
    "deleted": lambda made: (made.root / "packages/base/src/m0.py").unlink(),
    "mode": lambda made: made.chmod("packages/base/src/m0.py"),
    "ignored": lambda made: made.write("packages/app/ignored/data", "other\n"),
    "ignored and new": lambda made: made.write("packages/base/ignored/data", "other\n"),
    "manifest": lambda made: made.write("packages/base/pyproject.toml", '[project]\nname = "base"\nversion = "2"\n'),
    "output edited": lambda made: made.write("packages/app/out/r", "other\n"),
    "output deleted": lambda made: (made.root / "packages/app/out/r").unlink(),
    "unwatched": lambda made: (
        made.git("update-index", "--skip-worktree", "packages/base/src/m0.py"),
        made.write("packages/base/src/m0.py", "x = 7\n"),
    ),
    "interpreter": interpreter,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change(repo: Workspace, change: str) -> None:
    CHANGES[change](repo)
    is_quick, said = again(repo)
    assert (is_quick, said.startswith(CACHED)) == (False, change in {"output edited", "output deleted", "interpreter"})


@pytest.mark.parametrize(
    "variables",
    [{"SET": "other", "EMPTY": ""}, {"SET": "it's"}, {"SET": "it's", "EMPTY": "", "UNSET": ""}, {"EMPTY": ""}],
)
def test_a_variable(repo: Workspace, variables: dict[str, str]) -> None:
    assert ask(repo, "run", "tests", **variables)[0] is False
    assert again(repo)[1].startswith(CACHED)


def test_variables_of_git(repo: Workspace) -> None:
    index = str(repo.root.parent / "index")
    subprocess.run(["git", "read-tree", "HEAD"], cwd=repo.root, env=repo.environment(GIT_INDEX_FILE=index), check=True)
    hook = {"SET": "it's", "EMPTY": "", "GIT_INDEX_FILE": index, "GIT_DIR": "nowhere"}
    assert ask(repo, "run", "tests", **hook)[0]
    repo.write("packages/base/src/m0.py", "x = 7\n")
    done = repo.once("run", "tests", **hook)
    assert done.stdout.startswith("tests: 0 of 2 from cache, 2 passed")


@pytest.mark.parametrize("words", ["run", "run lint", "run tests --json", "run *", "affected --base", "affected tests"])
def test_other_words_are_for_python(repo: Workspace, words: str) -> None:
    command = ["sh", "-x", *repo.command(*words.split(" "))]
    done = subprocess.run(command, cwd=repo.root, env=repo.environment(), check=False, capture_output=True, text=True)
    assert "-I -S -c" in done.stderr


def test_an_altered_script_is_not_believed(repo: Workspace) -> None:
    (script,) = (repo.cache / "quick").rglob("*.sh")
    assert script.parent == Path(f"{repo.cache}/quick{repo.root}")
    script.write_text(script.read_text().replace("=2", "=3"))
    is_quick, said = again(repo)
    assert (is_quick, said.startswith(CACHED)) == (False, True)


def test_a_wrong_hit_is_forgotten(repo: Workspace) -> None:
    for _ in range(2):
        jobs = json.loads(repo.once("run", "check", "--json").stdout)["jobs"]
    store, key = LocalStore(repo.cache), jobs[0]["key"]
    result = store.get(key)
    assert result is not None
    store.put(key, replace(result, log=b"something else\n"))
    assert ask(repo, "run", "check")[0]
    assert repo.once("verify", "check", "--sample", "100%").returncode == 1
    is_quick, said = ask(repo, "run", "check")
    assert (is_quick, said.startswith("check: 1 of 2 from cache, 1 passed")) == (False, True)


def test_a_second_script_is_not_believed(repo: Workspace) -> None:
    (script,) = (repo.cache / "quick").rglob("*.sh")
    script.with_name(f"run-{memo.FORMAT}-0.sh").write_text("echo wrong\n")
    assert again(repo)[0] is False


def test_the_list_is_that_of_python(tmp_path: Path) -> None:
    git = tmp_path / "git"
    git.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    git.chmod(0o755)
    text = (ONCE / "bin/once").read_text()
    function = text[text.index("list()") : text.index("\n}\n") + 3]
    command = ["/bin/sh", "-c", f"{function}\nlist -z -o -s -m -d"]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == list(listing.COMMAND[1:])


def test_the_scripts_of_another_version_are_not_asked() -> None:
    assert f'/$command-{memo.FORMAT}"-*.sh' in (ONCE / "bin/once").read_text()


def test_a_large_script_is_not_written(repo: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCE_CACHE_DIR", str(repo.cache))
    monkeypatch.setattr(quick, "LARGEST", 10)
    known = memo.read(str(repo.root))
    assert known is not None
    quick.write(str(repo.root), known)
    assert again(repo)[0] is False
