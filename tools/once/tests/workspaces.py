"""Workspaces for tests: a uv workspace with a lock written by hand, in git, with the `once` of this source."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ONCE = Path(__file__).parents[1]
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
REGISTRY = 'source = { registry = "https://pypi.org/simple" }'
TOP = """
[project]
name = "workspace"
version = "0"

[tool.uv]
package = false

[tool.uv.workspace]
members = ["packages/*"]
"""
# Reads its package and what that depends on is left to the test; leaves one output.
TASKS = """
[tool.once.tasks.tests]
run = [
    ["sh", "-c", "cat {path}/src/*.py > /dev/null && mkdir -p {path}/out && echo made {name} > {path}/out/r"],
    ["echo", "ran {name}"],
]
outputs = ["out/r"]
"""


@dataclass(frozen=True)
class Workspace:
    """A generated workspace at `root`, its cache at `cache`."""

    root: Path
    cache: Path

    def write(self, path: str, text: str) -> Path:
        """Write a file of the workspace, with its folders."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def chmod(self, path: str) -> Path:
        """Make a file executable."""
        file = self.root / path
        file.chmod(0o755)
        return file

    def git(self, *arguments: str) -> str:
        """Run git in the workspace and return what it printed."""
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always")
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout

    def commit(self, message: str = "change") -> None:
        """Commit all that is there."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def begin(self) -> None:
        """Give the workspace an environment with the `once` of this source, and commit all that is there."""
        self.write(f".venv/lib/{PYTHON}/site-packages/once.pth", str(ONCE / "src"))
        (self.root / ".venv/bin").mkdir()
        (self.root / ".venv/bin/python").symlink_to(Path(sys.executable).resolve())
        (self.root / ".venv/bin/once").symlink_to(ONCE / "bin/once")
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("start")

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of this source's `once`."""
        return [str(self.root / ".venv/bin/once"), *arguments]

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the environment that `once` is started with: little, and this workspace's own cache."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME")}  # noqa: TID251  # of this test run, not of a service
        return kept | {"ONCE_CACHE_DIR": str(self.cache)} | variables

    def once(self, *arguments: str, cwd: str = ".", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `once` in the workspace."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root / cwd,
            env=self.environment(**variables),
            check=False,
            capture_output=True,
            text=True,
        )

    def statuses(self, *tasks: str, **variables: str) -> dict[str, str]:
        """Run tasks (default `tests`) and return each job's status: `{"tests(rbac)": "hit"}`."""
        done = self.once("run", *(tasks or ("tests",)), "--json", "--keep-going", **variables)
        jobs: list[dict[str, Any]] = json.loads(done.stdout)["jobs"]
        return {job["job"]: job["status"] for job in jobs}


def locked(name: str, edges: Sequence[str], *, source: str, version: str = "0", extra: str = "") -> str:
    """Return the entry of one package in uv.lock."""
    depends = "".join(f'    {{ name = "{edge}" }},\n' for edge in edges)
    depends = f"dependencies = [\n{depends}]\n" if edges else ""
    return f'\n[[package]]\nname = "{name}"\nversion = "{version}"\n{source}\n{depends}{extra}'


def lock(
    edges: Mapping[str, Sequence[str]], *, versions: Mapping[str, str], groups: Mapping[str, Sequence[str]]
) -> str:
    """Return uv.lock for members with edges, registry packages of these versions, and the root's groups."""
    members = "".join(f'    "{name}",\n' for name in (*edges, "workspace"))
    text = f'version = 1\nrevision = 3\nrequires-python = ">=3.13"\n\n[manifest]\nmembers = [\n{members}]\n'
    for name, targets in edges.items():
        text += locked(name, targets, source=f'source = {{ editable = "packages/{name}" }}')
    for name, version in versions.items():
        sdist = f'sdist = {{ url = "https://example.org/{name}.tar.gz", hash = "sha256:{name}-{version}" }}\n'
        text += locked(name, (), source=REGISTRY, version=version, extra=sdist)
    dev = "\n[package.dev-dependencies]\n" + "".join(
        f"{group} = [{', '.join(f'{{ name = "{name}" }}' for name in names)}]\n" for group, names in groups.items()
    )
    return text + locked("workspace", (), source='source = { virtual = "." }', extra=dev if groups else "")


def workspace(  # each is one fact of the workspace
    root: Path,
    edges: Mapping[str, Sequence[str]],
    *,
    files: int = 2,
    tasks: str = TASKS,
    versions: Mapping[str, str] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Workspace:
    """Generate and commit a workspace: `workspace(tmp_path, {"base": [], "app": ["base", "django"]}, ...)`.

    Args:
        root: An empty or missing folder; the workspace is made in `root/ws`, its cache in `root/cache`.
        edges: The members with what each depends on: members, or keys of `versions`.
        files: How many modules each member has, beside its pyproject.toml and one test file.
        tasks: The text of the `[tool.once]` tables of the root pyproject.toml.
        versions: The locked packages of the registry.
        groups: The dependency groups of the root.
    """
    made = Workspace(root / "ws", root / "cache")
    made.write(".gitignore", ".venv/\n__pycache__/\nout/\nbuild/\n")
    made.write(
        "pyproject.toml",
        f"{TOP}{tasks}",
    )
    made.write("uv.lock", lock(edges, versions=versions or {}, groups=groups or {}))
    for name, targets in edges.items():
        depends = json.dumps(list(targets))
        made.write(
            f"packages/{name}/pyproject.toml", f'[project]\nname = "{name}"\nversion = "0"\ndependencies = {depends}\n'
        )
        made.write(f"packages/{name}/tests/test_{name}.py", "def test() -> None:\n    pass\n")
        for number in range(files):
            made.write(f"packages/{name}/src/m{number}.py", f"x = {number}\n")
    made.begin()
    return made
