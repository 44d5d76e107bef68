"""What the random edits of `test_property` have found, each as the shortest way to it."""

import json
import time
from collections.abc import Callable
from os import utime
from pathlib import Path

import pytest
from workspaces import Workspace, workspace

TASKS = """
[tool.once.tasks.tests]
run = [["true"]]
inputs = ["/data", "/made/*.json"]
"""
SETTLED = 3.1  # seconds: the second in which git's index was written must be over


@pytest.fixture
def repo(tmp_path: Path) -> Workspace:
    made = workspace(tmp_path, {"app": [], "other": []}, tasks=TASKS)
    made.write(".gitignore", ".venv/\n/data/\n/made/\nbuild/\n")
    made.write("packages/app/table.csv", "1\n")
    made.commit()
    return made


def keys(made: Workspace) -> dict[str, str]:
    done = made.once("plan", "tests", "--json")
    assert done.returncode == 0, done.stderr
    return {row["job"]: row["key"] for row in json.loads(done.stdout)}


def changed(made: Workspace, change: Callable[[], object]) -> set[str]:
    before = keys(made)
    change()
    after = keys(made)
    return {job for job in before if before[job] != after[job]}


@pytest.mark.parametrize("path", ["data/deep/er.csv", "made/new.json"])
def test_a_declared_folder_that_git_ignores(repo: Workspace, path: str) -> None:
    assert changed(repo, lambda: repo.write(path, "1")) == {"tests(app)", "tests(other)"}
    assert changed(repo, lambda: repo.write(path, "2")) == {"tests(app)", "tests(other)"}
    assert changed(repo, (repo.root / path).unlink) == {"tests(app)", "tests(other)"}


def submodule(made: Workspace, tmp_path: Path) -> Path:
    inner = workspace(tmp_path / "inner", {"x": []})
    made.git("submodule", "--quiet", "add", str(inner.root), "packages/app/vendor")
    made.commit()
    made.git("submodule", "--quiet", "deinit", "--force", "packages/app/vendor")
    return made.root / "packages/app/vendor"


def test_files_in_a_submodule_without_its_repository(repo: Workspace, tmp_path: Path) -> None:
    vendor = submodule(repo, tmp_path)
    assert changed(repo, lambda: (vendor / "file").write_text("1")) == {"tests(app)"}
    assert changed(repo, lambda: (vendor / "file").write_text("2")) == {"tests(app)"}


def test_a_file_where_a_submodule_was(repo: Workspace, tmp_path: Path) -> None:
    vendor = submodule(repo, tmp_path)
    vendor.rmdir()
    assert changed(repo, lambda: vendor.write_text("1")) == {"tests(app)"}
    assert changed(repo, lambda: vendor.write_text("2")) == {"tests(app)"}


def test_an_empty_submodule_is_nothing(repo: Workspace, tmp_path: Path) -> None:
    vendor = submodule(repo, tmp_path)
    assert changed(repo, vendor.rmdir) == set()


def test_a_file_set_back_in_the_second_of_git_add_before_another_is_added(repo: Workspace) -> None:
    file = repo.write("packages/app/table.csv", "xyz\n")
    expected = keys(repo)
    time.sleep(1 - time.time() % 1)
    file.write_text("abc\n")
    utime(file, (1_000_000_000, 1_000_000_000))
    repo.git("add", "packages/app/table.csv")
    file.write_text("xyz\n")
    utime(file, (1_000_000_000, 1_000_000_000))
    time.sleep(1.1)
    repo.write("README.md", "1")
    repo.git("add", "README.md")
    assert keys(repo) == expected


def check_out_as_crlf(made: Workspace) -> None:
    made.write(".gitattributes", "*.csv text eol=crlf\n")
    made.commit()
    (made.root / "packages/app/table.csv").unlink()
    made.git("checkout", "packages/app/table.csv")
    assert (made.root / "packages/app/table.csv").read_bytes() == b"1\r\n"


def test_line_ends_of_attributes_that_are_no_more(repo: Workspace) -> None:
    before = keys(repo)
    check_out_as_crlf(repo)
    crlf = keys(repo)
    assert crlf["tests(app)"] != before["tests(app)"]
    time.sleep(1.1)
    repo.write("README.md", "1")
    repo.git("add", "README.md")  # with the last index older than this one, git does not look at the table again
    (repo.root / ".gitattributes").unlink()
    repo.commit()
    time.sleep(SETTLED)
    assert keys(repo) == crlf


def test_affected_by_committed_content_says_nothing_of_what_is_on_the_disk(repo: Workspace) -> None:
    assert set(repo.statuses().values()) == {"passed"}
    check_out_as_crlf(repo)
    time.sleep(SETTLED)
    assert repo.once("affected", "--base", "HEAD").stdout == ""
    assert repo.statuses() == {"tests(app)": "passed", "tests(other)": "hit"}


def remember(made: Workspace) -> None:
    """Run until the next run is answered from the memo."""
    time.sleep(SETTLED)
    for _ in range(2):
        made.once("run", "tests")
    assert made.once("run", "tests").stdout.startswith("tests: 2 of 2 from cache")


def test_a_name_of_another_case_where_git_is_told_that_there_is_none(repo: Workspace) -> None:
    repo.git("config", "core.ignoreCase", "true")
    file = repo.root / "packages/app/src/m0.py"
    file.rename(file.with_name("M0.py"))
    assert changed(repo, lambda: file.with_name("M0.py").write_text("x = 7\n")) == {"tests(app)"}


def test_a_chain_of_links_outside_after_the_memo(repo: Workspace, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    (tmp_path / "hop").symlink_to("hop2")
    (tmp_path / "hop2").symlink_to("hop3")
    (tmp_path / "hop3").symlink_to("one")
    (repo.root / "packages/app/link").symlink_to("../../../hop")
    repo.commit()
    remember(repo)
    (tmp_path / "hop3").unlink()
    (tmp_path / "hop3").symlink_to("two")
    assert "1 of 2 from cache, 1 passed" in repo.once("run", "tests").stdout


def test_a_link_into_folders_that_lead_to_each_other(tmp_path: Path) -> None:
    made = workspace(tmp_path, {"app": [], "other": [], "third": []}, tasks=TASKS)
    (made.root / "packages/app/src/link").symlink_to("../../other/src")
    (made.root / "packages/other/src/back").symlink_to("../../app/src")
    (made.root / "packages/third/link").symlink_to("../other/src/back")
    everything = {"tests(app)", "tests(other)", "tests(third)"}
    assert changed(made, lambda: made.write("packages/app/src/m0.py", "x = 7\n")) == everything
    assert changed(made, lambda: made.write("packages/other/src/m0.py", "x = 7\n")) == everything


def test_below_a_link_that_leads_to_itself(repo: Workspace) -> None:
    source = repo.root / "packages/app/src"
    before = keys(repo)
    source.rename(source.with_name("moved"))
    source.symlink_to("src")
    assert keys(repo)["tests(app)"] != before["tests(app)"]
    assert repo.once("run", "tests").returncode == 0
