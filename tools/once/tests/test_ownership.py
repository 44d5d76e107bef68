from pathlib import Path

import pytest
from workspaces import Workspace, workspace

MARK = "# Written by `once codeowners --write` from `[tool.once] owners` of each pyproject.toml.\n"
FILE = ".github/CODEOWNERS"


@pytest.fixture
def owned(tmp_path: Path) -> Workspace:
    """The root has an owner, `app` others, `free` none, and `base` has the root's."""
    made = workspace(tmp_path, {"app": [], "base": [], "free": []}, tasks='\n[tool.once]\nowners = ["@core"]\n')
    for name, owners in (("app", '["@shop/team-a", "ada@example.org"]'), ("free", "[]")):
        file = made.root / f"packages/{name}/pyproject.toml"
        file.write_text(f"{file.read_text()}\n[tool.once]\nowners = {owners}\n")
    made.commit()
    return made


TEXT = f"{MARK}* @core\n/packages/app/ @shop/team-a ada@example.org\n/packages/free/\n"


def test_owners_are_printed(owned: Workspace) -> None:
    done = owned.once("codeowners")
    assert (done.returncode, done.stdout, done.stderr) == (0, TEXT, "")
    assert owned.git("status", "--porcelain") == ""


def test_owners_are_written_and_checked(owned: Workspace) -> None:
    done = owned.once("codeowners", "--check")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"once: {FILE} is not what the packages say: run `once codeowners --write`\n"
    assert owned.once("codeowners", "--write").returncode == 0
    assert (owned.root / FILE).read_text() == TEXT
    assert owned.once("codeowners", "--check").returncode == 0
    (owned.root / FILE).write_text(TEXT + "/docs/ @writers\n")
    assert owned.once("codeowners", "--check").returncode == 1
    assert owned.once("codeowners", "--write").returncode == 0
    assert (owned.root / FILE).read_text() == TEXT


def test_a_file_that_was_written_by_hand_is_left_alone(owned: Workspace) -> None:
    owned.write(FILE, "* @me\n")
    done = owned.once("codeowners", "--write")
    assert (done.returncode, done.stderr) == (
        2,
        f"once: {FILE} was written by hand: move its owners to `[tool.once] owners`, and remove it\n",
    )
    assert (owned.root / FILE).read_text() == "* @me\n"


@pytest.mark.parametrize("owners", ['"@me"', '["me"]', '["@me me"]', '["@a/b/c"]', "[1]"])
def test_what_is_no_owner_is_refused(owned: Workspace, owners: str) -> None:
    file = owned.root / "pyproject.toml"
    file.write_text(file.read_text().replace('["@core"]', owners))
    done = owned.once("codeowners")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        'once: pyproject.toml: [tool.once] owners is a list of users, teams or mail addresses: ["@org/team"]\n'
    )
