"""A folder that a job lists is an input by its names."""

import json
import time
from pathlib import Path

import pytest
from workspaces import Workspace, workspace

EDGES: dict[str, list[str]] = {"lib": [], "other": []}


def listing(tmp_path: Path, program: str, rest: str = "") -> Workspace:
    task = f"\n[tool.once.tasks.tests]\nrun = [['python', '-c', {json.dumps(program)}]]\n{rest}\n"
    made = workspace(tmp_path, EDGES, tasks=task)
    made.write("configs/a.toml", "one\n")
    made.commit()
    return made


def status(made: Workspace) -> str:
    return made.once("run", "tests", "-p", "lib", "--json").stdout.partition('"status": "')[2].partition('"')[0]


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.listdir('configs')",
        "import glob; glob.glob('configs/*.toml')",
        "import os; [*os.scandir('configs')]",
    ],
)
@pytest.mark.parametrize("path", ["configs/b.toml", "configs/sub/b.toml"])
def test_a_new_name_in_a_listed_folder_is_no_stale_hit(tmp_path: Path, program: str, path: str) -> None:
    made = listing(tmp_path, program)
    assert [status(made), status(made)] == ["passed", "hit"]
    time.sleep(3.1)  # the second in which git's index was written must be over, for the memo to answer
    assert [status(made), status(made)] == ["hit", "hit"]
    made.write(path, "two\n")
    assert [status(made), status(made)] == ["passed", "hit"]
    (made.root / path).unlink()
    if (made.root / path).parent.name == "sub":
        (made.root / path).parent.rmdir()
    assert status(made) == "passed"


def test_an_ignored_new_name_in_a_listed_folder_of_the_package_counts(tmp_path: Path) -> None:
    made = listing(tmp_path, "import os; os.listdir('packages/lib')")
    made.write(".gitignore", ".venv/\nlocal.ini\n")
    made.commit()
    assert [status(made), status(made)] == ["passed", "hit"]
    made.write("packages/lib/local.ini", "")
    assert status(made) == "passed"


@pytest.mark.parametrize(
    "path",
    ["configs/a.toml", "packages/other/src/new.py", "configs/.mypy_cache/x", "configs/__pycache__/x", "configs/out/r"],
)
def test_other_names_do_not_count(tmp_path: Path, path: str) -> None:
    made = listing(tmp_path, "import os; os.listdir('configs')", 'outputs = ["/configs/out/*"]')
    assert [status(made), status(made)] == ["passed", "hit"]
    made.write(path, "two\n")
    assert status(made) == "hit"


def test_a_new_module_where_python_searched_counts(tmp_path: Path) -> None:
    made = listing(tmp_path, "import sys; sys.path.insert(0, 'configs'); import json.tool")
    assert [status(made), status(made)] == ["passed", "hit"]
    made.write("configs/notes.txt", "no module")
    made.write("NOTES.md", "no module")
    assert status(made) == "hit"
    made.write("configs/json/__init__.py", "")
    assert status(made) == "failed"  # json.tool is hidden now
