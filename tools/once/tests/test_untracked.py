"""Whatever changes git's list of untracked files changes what it is known by."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from once.untracked import is_settled, untracked


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = tmp_path / "root"
    texts = {
        ".gitignore": "out/\n*.pyc\n",
        "src/m.py": "",
        "only/cached.pyc": "",
        "own/.gitignore": "*\n!kept\n",
        "own/data": "",
        "out/deep/result": "",
        "new/deep/file": "",
    }
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (tmp_path / "home/.config/git").mkdir(parents=True)
    git(root, "init", "--quiet")
    git(root, "add", ".gitignore", "src")
    return root


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout


def listed(root: Path) -> list[str]:
    return git(root, "ls-files", "-o", "--exclude-standard").splitlines()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def exclude(root: Path) -> None:
    write(root.parent / "home/excludes", "file\n")
    git(root, "config", "--global", "core.excludesFile", "~/excludes")


CHANGES: dict[str, Callable[[Path], object]] = {
    "beside a module": lambda root: write(root / "src/new.py", ""),
    "at the root": lambda root: write(root / "new.txt", ""),
    "beside another new one": lambda root: write(root / "new/deep/other", ""),
    "beside what is ignored": lambda root: write(root / "only/new.py", ""),
    "kept in a folder that ignores itself": lambda root: write(root / "own/kept", ""),
    "in a new folder": lambda root: write(root / "src/a/b/c.py", ""),
    "gone": lambda root: (root / "new/deep/file").unlink(),
    "another name": lambda root: (root / "new/deep/file").rename(root / "new/deep/other"),
    "less is ignored": lambda root: write(root / ".gitignore", "out/\n"),
    "a folder ignores itself no more": lambda root: write(root / "own/.gitignore", "kept\n"),
    "excluded here": lambda root: write(root / ".git/info/exclude", "file\n"),
    "excluded everywhere": lambda root: write(root.parent / "home/.config/git/ignore", "file\n"),
    "excluded by a setting": exclude,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change(root: Path, change: str) -> None:
    files, before = listed(root), untracked(str(root), [])
    assert before is not None
    CHANGES[change](root)
    after = untracked(str(root), [])
    assert after is not None
    paths = [each[0] for each in before.stamps]
    assert listed(root) != files
    assert [each for each in after.stamps if each[0] in paths] != list(before.stamps)


def test_what_is_looked_at(root: Path) -> None:
    known = untracked(str(root), listed(root))
    assert known is not None
    assert known.files == ("new/deep/file",)
    inside = [each[0] for each in known.stamps if not each[0].startswith(("/", ".git/"))]
    assert sorted(inside) == [".", ".gitignore", "new", "new/deep", "only", "own", "own/.gitignore", "src"]


def test_what_is_not_told(root: Path) -> None:
    git(root, "config", "include.path", "other")
    assert untracked(str(root), []) is None
    (root / ".git").rename(root.parent / "git")
    (root / ".git").write_text(f"gitdir: {root.parent}/git\n")
    assert untracked(str(root), []) is None


def test_what_changed_just_now_is_not_settled(root: Path) -> None:
    known = untracked(str(root), [])
    assert known is not None
    latest = max(max(each[2:4]) for each in known.stamps) // 1_000_000_000
    assert not is_settled(known.stamps, latest + 2)
    assert is_settled(known.stamps, latest + 2.1)
