"""Two public layouts, rebuilt small, with no table of once's own: what runs, and what a change runs again."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from workspaces import Workspace, locked

TOOLS = """
[tool.ruff]
lint.select = ["F"]

[tool.pytest]
strict = true
addopts = ["--disable-plugin-autoload", "-p", "no:cacheprovider"]
"""


def lock(edges: Mapping[str, Sequence[str]], folders: Mapping[str, str]) -> str:
    """Return uv.lock for members at these folders."""
    members = "".join(f'    "{name}",\n' for name in edges)
    text = f'version = 1\nrevision = 3\nrequires-python = ">=3.13"\n\n[manifest]\nmembers = [\n{members}]\n'
    for name, targets in edges.items():
        kind = "virtual" if name == "monorepo" else "editable"
        text += locked(name, targets, source=f'source = {{ {kind} = "{folders[name]}" }}')
    return text


def member(made: Workspace, folder: str, name: str, targets: Sequence[str]) -> None:
    depends = ", ".join(f'"{target}"' for target in targets)
    text = f'[project]\nname = "{name}"\nversion = "0"\nrequires-python = ">=3.13"\ndependencies = [{depends}]\n'
    made.write(f"{folder}/pyproject.toml", text)


def begin(made: Workspace) -> None:
    """Commit the workspace, with the tools that these tests run with in its environment."""
    made.begin()
    for tool in ("pytest", "ruff"):
        (made.root / ".venv/bin" / tool).symlink_to(Path(sys.executable).with_name(tool))


@pytest.fixture
def flat(tmp_path: Path) -> Workspace:
    """Build packages beside each other at the top, the import package beside its tests: small repositories' kind."""
    made = Workspace(tmp_path / "ws", tmp_path / "cache")
    made.write(".gitignore", ".venv/\n__pycache__/\n.ruff_cache/\n")
    made.write(
        "pyproject.toml",
        '[project]\nname = "monorepo"\nversion = "0"\nrequires-python = ">=3.13"\n\n[tool.uv]\npackage = false\n\n'
        f'[tool.uv.workspace]\nmembers = ["*"]\nexclude = ["docs"]\n{TOOLS}',
    )
    edges = {"parsing": [], "printing": ["parsing"], "notes": []}
    made.write("uv.lock", lock(edges | {"monorepo": []}, {name: name for name in edges} | {"monorepo": "."}))
    for name, targets in edges.items():
        member(made, name, name, targets)
        made.write(f"{name}/{name}/__init__.py", "".join(f"import {each}  # noqa: F401\n" for each in targets))
        paths = ", ".join(f'"{each}"' for each in (name, *targets))
        made.write(
            f"{name}/tests/test_{name}.py",
            f"import sys\n\nsys.path[:0] = [{paths}]\n\n\ndef test() -> None:\n    import {name}  # noqa: F401\n",
        )
    made.write("docs/index.md", "# Words\n")
    begin(made)
    return made


def test_flat(flat: Workspace) -> None:
    names = ("notes", "parsing", "printing")
    assert flat.statuses("lint", "tests") == {
        f"{task}({name})": "passed" for task in ("lint", "tests") for name in names
    }
    assert flat.statuses("lint", "tests") == {f"{task}({name})": "hit" for task in ("lint", "tests") for name in names}

    flat.write("parsing/parsing/__init__.py", "x = 1\n")
    assert flat.statuses("lint", "tests") == {
        "lint(notes)": "hit",
        "lint(parsing)": "passed",
        "lint(printing)": "hit",
        "tests(notes)": "hit",
        "tests(parsing)": "passed",
        "tests(printing)": "passed",
    }

    flat.write("docs/index.md", "# Other words\n")
    assert set(flat.statuses("lint", "tests").values()) == {"hit"}


# Name, folder, what it depends on. The root is a package itself, which installs the others.
NESTED = {
    "airline": (".", ["airline-core"]),
    "airline-core": ("airline-core", ["airline-shared-logging"]),
    "airline-providers-http": ("providers/http", ["airline-core"]),
    "airline-providers-apache-kafka": ("providers/apache/kafka", ["airline-core", "airline-providers-http"]),
    "airline-shared-logging": ("shared/logging", []),
}


@pytest.fixture
def nested(tmp_path: Path) -> Workspace:
    """Build Airflow's kind: providers at two depths, shared sources behind symlinks, a root that is a package."""
    made = Workspace(tmp_path / "ws", tmp_path / "cache")
    made.write(".gitignore", ".venv/\n__pycache__/\n.ruff_cache/\n")
    for name, (folder, targets) in NESTED.items():
        member(made, folder, name, targets)
        module = name.replace("-", "_")
        made.write(f"{folder}/src/{module}/__init__.py", "x = 1\n")
        paths = ", ".join(f'"{NESTED[each][0]}/src"' for each in (name, *targets))
        imports = "".join(f"    import {each.replace('-', '_')}  # noqa: F401\n" for each in (name, *targets))
        made.write(
            f"{folder}/tests/test_{module}.py",
            f"import sys\n\nsys.path[:0] = [{paths}]\n\n\ndef test() -> None:\n{imports}",
        )
    made.write("shared/logging/src/airline_shared_logging/levels.py", "LEVELS = 5\n")
    link = made.root / "airline-core/src/airline_core/_shared"
    link.symlink_to("../../../shared/logging/src/airline_shared_logging")
    text = (made.root / "pyproject.toml").read_text(encoding="utf-8")
    members = '["airline-core", "providers/*", "providers/apache/*", "shared/*"]'
    made.write(
        "pyproject.toml",
        f'{text}\n[tool.uv.workspace]\nmembers = {members}\nexclude = ["providers/apache"]\n{TOOLS}',
    )
    made.write("uv.lock", lock({name: on for name, (_, on) in NESTED.items()}, {n: f for n, (f, _) in NESTED.items()}))
    made.write("scripts/release.py", 'print("released")\n')
    begin(made)
    return made


def ran(made: Workspace, task: str) -> set[str]:
    """Run a task and return the packages with which it was not cached."""
    found = made.statuses(task)
    assert set(found) == {f"{task}({name})" for name in NESTED}
    assert set(found.values()) <= {"passed", "hit"}
    return {job.removeprefix(f"{task}(").removesuffix(")") for job, status in found.items() if status == "passed"}


def test_nested_tests(nested: Workspace) -> None:
    assert ran(nested, "tests") == set(NESTED)
    assert ran(nested, "tests") == set()

    nested.write("providers/http/src/airline_providers_http/__init__.py", "x = 2\n")
    assert ran(nested, "tests") == {"airline-providers-http", "airline-providers-apache-kafka"}

    nested.write("providers/apache/kafka/tests/test_more.py", "def test() -> None:\n    pass\n")
    assert ran(nested, "tests") == {"airline-providers-apache-kafka"}

    nested.write("shared/logging/src/airline_shared_logging/levels.py", "LEVELS = 6\n")
    assert ran(nested, "tests") == set(NESTED)

    nested.write("scripts/release.py", 'print("again")\n')
    assert ran(nested, "tests") == {"airline"}


def test_nested_lint(nested: Workspace) -> None:
    assert ran(nested, "lint") == set(NESTED)
    assert ran(nested, "lint") == set()

    # The root's ruff is given its folder, with all that is in it: a key of its own files alone would be stale.
    nested.write("providers/http/src/airline_providers_http/__init__.py", "x = 2\n")
    assert ran(nested, "lint") == {"airline-providers-http", "airline"}

    # Through the symlink the core's ruff reads it too.
    nested.write("shared/logging/src/airline_shared_logging/levels.py", "LEVELS = 6\n")
    assert ran(nested, "lint") == {"airline-shared-logging", "airline-core", "airline"}
