"""Folders that a task's tools keep valid by themselves: read and written, neither inputs nor outputs."""

from pathlib import Path

import pytest
from workspaces import Workspace, workspace

PROGRAM = """
import pathlib

state = pathlib.Path(".state/cluster")
print(state.read_text() if state.exists() else "none")
state.parent.mkdir(exist_ok=True)
state.write_text("running")
try:
    open(".state/keep").close()
except FileNotFoundError:
    pass
"""


def stateful(tmp_path: Path, rest: str) -> Workspace:
    tasks = f'\n[tool.once.tasks.tests]\nrun = [["python", "packages/app/src/m.py"]]\n{rest}\n'
    made = workspace(tmp_path, {"app": []}, tasks=tasks)
    made.write("packages/app/src/m.py", PROGRAM)
    made.write(".gitignore", ".venv/\n__pycache__/\n.state/\n")
    made.write(".state/cluster", "running")
    made.commit()
    return made


def test_a_cache_is_no_input(tmp_path: Path) -> None:
    made = stateful(tmp_path, 'caches = ["/.state"]')
    assert made.statuses() == {"tests(app)": "passed"}
    made.write(".state/cluster", "stopped")
    made.write(".state/keep", "")
    assert made.statuses() == {"tests(app)": "hit"}


@pytest.mark.parametrize("rest", ["", 'caches = ["/.stat"]'])
def test_what_is_none_is_an_undeclared_input(tmp_path: Path, rest: str) -> None:
    made = stateful(tmp_path, rest)
    done = made.once("run", "tests")
    assert "tests(app) read .state/cluster, which is not among its inputs" in done.stderr
    assert made.statuses() == {"tests(app)": "passed"}
