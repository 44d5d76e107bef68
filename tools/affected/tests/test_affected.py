"""What the command says about a repository: `shop` needs `the-api`, which needs `rbac`; and `audit`."""

import doctest
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

import affected
from affected.cli import main

EVERYTHING = ["audit", "rbac", "shop", "the-api"]
PACKAGES: Mapping[str, str] = {
    "libs/audit": '[project]\nname = "audit"\n',
    "libs/rbac": '[project]\nname = "rbac"\n',
    "services/api": '[project]\nname = "the_api"\ndependencies = ["Rbac[django] >=1 ; os_name != 0"]\n',
    "services/shop": """
[project]
name = "shop"
[dependency-groups]
all = [{ include-group = "tests" }]
tests = ["the.api"]
""",
}


class Workspace:
    """A repository with one commit on the branch main."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("pyproject.toml", '[tool.uv.workspace]\nmembers = ["libs/*", "services/*"]\n')
        self.write(".gitignore", "build/\n")
        self.write("README.md", "")
        (root / "libs" / "notes").mkdir(parents=True)
        for path, pyproject in PACKAGES.items():
            self.write(f"{path}/pyproject.toml", pyproject)
            self.write(f"{path}/src/code.py", f"# {path}\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()

    def write(self, path: str, content: str = "changed\n") -> None:
        """Create or change a file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def git(self, *arguments: str) -> None:
        """Run git in the repository."""
        subprocess.run(["git", "-C", str(self.root), *arguments], check=True, capture_output=True)

    def commit(self) -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("-c", "user.name=Test", "-c", "user.email=test@example.com", "commit", "--quiet", "-m", "x")


class Names:
    """Ask the command for names."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def since(self, base: str) -> list[str]:
        """Return what the command prints as JSON."""
        assert main(["--base", base, "--json"]) == 0
        found: list[str] = json.loads(self.capsys.readouterr().out)
        return found


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    # A git hook that runs these tests sets GIT_DIR and GIT_INDEX_FILE: they would name another repository.
    for name in [name for name in os.environ if name.startswith("GIT_")]:  # noqa: TID251 (git reads them)
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.chdir(tmp_path)
    return Workspace(tmp_path)


@pytest.fixture
def names(capsys: pytest.CaptureFixture[str]) -> Names:
    return Names(capsys)


@pytest.mark.usefixtures("workspace")
def test_nothing_changed(names: Names) -> None:
    assert names.since("main") == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("libs/audit/src/code.py", ["audit"]),
        ("services/shop/tests/test_new.py", ["shop"]),
        ("services/api/src/code.py", ["shop", "the-api"]),
        ("libs/rbac/src/code.py", ["rbac", "shop", "the-api"]),
        ("libs/audit/src/README.md", ["audit"]),
        ("libs/rbac/README.md", []),
        ("libs/rbac/CHANGELOG.md", []),
        ("libs/rbac/docs/how-to.md", []),
        ("libs/rbac-notes.txt", []),
        ("docs/index.md", []),
        ("README.md", []),
        ("libs/audit/build/output.txt", []),
        ("uv.lock", EVERYTHING),
        ("noxfile.py", EVERYTHING),
        (".python-version", EVERYTHING),
        (".github/workflows/ci.yml", EVERYTHING),
        ("libs/uv.lock", []),
    ],
)
@pytest.mark.parametrize("state", ["untracked", "staged", "committed"])
def test_a_file_affects(workspace: Workspace, names: Names, path: str, expected: list[str], state: str) -> None:
    workspace.git("switch", "--quiet", "--create", "work")
    workspace.write(path)
    if state == "staged":
        workspace.git("add", "--all")
    if state == "committed" and "/build/" not in path:
        workspace.commit()

    assert names.since("main") == expected


def test_the_pyproject_of_the_workspace_affects_everything(workspace: Workspace, names: Names) -> None:
    workspace.write("pyproject.toml", '[tool.uv.workspace]\nmembers = ["libs/*", "services/*"]\n# more\n')

    assert names.since("main") == EVERYTHING


def test_a_change_that_is_not_staged(workspace: Workspace, names: Names) -> None:
    workspace.write("libs/audit/src/code.py")

    assert names.since("HEAD") == ["audit"]


def test_a_deleted_file(workspace: Workspace, names: Names) -> None:
    (workspace.root / "libs/audit/src/code.py").unlink()

    assert names.since("main") == ["audit"]


def test_a_file_that_moved_affects_both_packages(workspace: Workspace, names: Names) -> None:
    workspace.git("mv", "libs/audit/src/code.py", "services/shop/src/moved.py")

    assert names.since("main") == ["audit", "shop"]


def test_what_others_did_meanwhile_does_not_count(workspace: Workspace, names: Names) -> None:
    workspace.git("switch", "--quiet", "--create", "work")
    workspace.write("services/shop/src/code.py")
    workspace.commit()
    workspace.git("switch", "--quiet", "main")
    workspace.write("libs/audit/src/code.py")
    workspace.commit()
    workspace.git("switch", "--quiet", "work")

    assert names.since("main") == ["shop"]


def test_a_name_that_git_would_quote(workspace: Workspace, names: Names) -> None:
    workspace.write('libs/audit/src/ü "x"\n.py')

    assert names.since("main") == ["audit"]


def test_a_workspace_in_a_folder_of_a_repository(
    workspace: Workspace, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = "teams/tools"
    workspace.write(f"{inner}/pyproject.toml", '[tool.uv.workspace]\nmembers = ["*"]\n')
    workspace.write(f"{inner}/lint/pyproject.toml", '[project]\nname = "lint"\n')
    workspace.commit()
    monkeypatch.chdir(workspace.root / inner)
    workspace.write("uv.lock")
    assert names.since("main") == []

    workspace.write(f"{inner}/lint/pyproject.toml", '[project]\nname = "lint"\nversion = "2"\n')
    assert names.since("main") == ["lint"]


def test_works_from_a_folder_below(workspace: Workspace, names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.write("libs/audit/src/code.py")
    monkeypatch.chdir(workspace.root / "services/shop")

    assert names.since("main") == ["audit"]


@pytest.mark.usefixtures("workspace")
def test_every_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == EVERYTHING


def test_says_why(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write("libs/rbac/src/code.py")
    workspace.write("libs/rbac/src/second.py")

    assert main(["--base", "main"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "rbac     libs/rbac/src/code.py",
        "shop     depends on the-api",
        "the-api  depends on rbac",
    ]


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("base", ["mian", "0" * 40, "--fork-point"])
def test_an_unknown_revision_is_an_error_and_not_nothing(capsys: pytest.CaptureFixture[str], base: str) -> None:
    assert main([f"--base={base}"]) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"affected: Cannot compare with {base}: ")
    assert captured.err.endswith("Fetch its history, or name another revision.\n")


def test_histories_without_a_common_commit(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.git("switch", "--quiet", "--orphan", "other")
    workspace.write("pyproject.toml", "[tool.uv.workspace]\n")
    workspace.commit()

    assert main(["--base", "main"]) == 1
    assert "it shares no commit with HEAD" in capsys.readouterr().err


def test_a_folder_that_is_no_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "alone"\n')
    monkeypatch.chdir(tmp_path)

    assert main(["--base", "main"]) == 1
    assert capsys.readouterr().err == (
        f"affected: No pyproject.toml with [tool.uv.workspace] in {tmp_path} or above it.\n"
    )


def test_the_example_in_the_docs_is_true() -> None:
    assert doctest.testmod(affected) == (0, 3)


@pytest.mark.parametrize("arguments", [[], ["--all", "--base", "main"], ["--bass", "main"]])
def test_wrong_arguments(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)

    assert stopped.value.code == 2
