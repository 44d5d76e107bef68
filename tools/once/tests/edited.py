"""The workspace that the property tests edit, and what is beside it."""

from pathlib import Path

from observed import OUTPUT
from workspaces import Workspace, workspace

import once

EDGES = {"base": ["django"], "lib": ["base"], "app": ["lib"], "other": ["flask"], "tool": []}
VERSIONS = {"asgiref": "3.8", "django": "6.1.2", "flask": "3.1", "ruff": "0.17.6", "pytest": "9.2.0"}
GROUPS = {"lint": ["ruff"], "tests": ["pytest"]}
DECLARED = ("configs/limits.toml", "configs/new.toml", "configs/new.txt", "data/a/table.csv", "data/b/c/new.csv")
GENERATED = ("build/generated.txt", "build/generated/one.json", "build/generated/deep/two.json", "build/secret")
OUTSIDE = ("outside/file", "outside/folder/one", "outside/folder/two")


def configuration(line_length: str, word: str, *, folder: bool) -> str:
    """Return the tables of the root's pyproject.toml; `folder` says whether one that git ignores is declared."""
    ignored = ', "/build/generated"' if folder else ""
    run = f'run = [[".venv/bin/python", "-I", "-S", "{Path(__file__).with_name("observed.py")}", "{{root}}", "{{name}}"'
    return f"""
[tool.ruff]
line-length = {line_length}

[tool.once.tasks.tests]
{run}, "tests", "{word}"]]
group = "tests"
inputs = ["/configs/*.toml", "/data", "/build/generated.txt"{ignored}]
env = ["KEYED"]
outputs = ["{OUTPUT}"]

[tool.once.tasks.lint]
{run}, "lint"]]
group = "lint"
upstream = false
inputs = ["/pyproject.toml#tool.ruff"]
"""


def start(folder: Path, *, declared: bool) -> Workspace:
    """Generate the workspace that is edited, and what is beside it."""
    made = workspace(
        folder, EDGES, tasks=configuration("120", "one", folder=declared), versions=VERSIONS, groups=GROUPS
    )
    # The once of this process, in which a bug may be planted.
    next(made.root.glob(".venv/lib/*/site-packages/once.pth")).write_text(str(Path(once.__file__).parents[1]))
    made.write(".gitignore", ".venv/\n__pycache__/\nout/\nbuild/\n*.tmp\n")
    for path in (*DECLARED, *GENERATED, "README.md", *(f"../{path}" for path in OUTSIDE)):
        made.write(path, "start\n")
    (folder / "outside/hop").symlink_to("hop2")
    (folder / "outside/hop2").symlink_to("file")
    (folder / "inner").mkdir()
    inner = Workspace(folder / "inner", made.cache)
    inner.git("init", "--quiet", "--initial-branch=main")
    inner.write("m0.py", "inner\n")
    inner.commit()
    made.commit()
    for name in ("one", "two"):
        made.git("branch", name)
    return made
