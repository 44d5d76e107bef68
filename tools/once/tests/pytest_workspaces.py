"""Workspaces whose tests run with this test run's own pytest."""

import sys
from collections.abc import Mapping
from pathlib import Path

from workspaces import ONCE, Workspace, workspace

TASK = """
[tool.once.tasks.tests]
run = [
    ["rm", "-f", "build/{name}.xml"],
    ["pytest", "-v", "-p", "no:cacheprovider", "--junit-xml=build/{name}.xml", "{path}"],
]
inputs = ["/pyproject.toml#tool.pytest"]
outputs = ["/build/{name}.xml"]
"""
SETTINGS = """
[tool.pytest.ini_options]
addopts = "--import-mode=importlib --disable-plugin-autoload"
"""


class PytestWorkspace(Workspace):
    """A workspace whose environment is that of this test run: it has pytest, and Django."""

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of this source's `once` in this environment."""
        program = f"import sys; sys.path.append({str(ONCE / 'src')!r}); from once.cli import main; main()"
        return [sys.executable, "-I", "-S", "-c", program, *arguments]


def pytest_workspace(root: Path, files: Mapping[str, str], rest: str = "") -> Workspace:
    """Return a workspace with one package, `app`, of these files (paths from its folder), and pytest in its .venv."""
    made = workspace(root, {"app": []}, files=0, tasks=f"{TASK}{rest}{SETTINGS}")
    (made.root / "packages/app/tests/test_app.py").unlink()
    for path, text in files.items():
        made.write(f"packages/app/{path}", text)
    made.commit()
    return PytestWorkspace(made.root, made.cache)
