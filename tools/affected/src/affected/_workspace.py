"""The packages of a uv workspace, as their pyproject.toml files declare them."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_REQUIREMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class WorkspaceNotFound(Exception):
    """No folder above holds a pyproject.toml with the table [tool.uv.workspace]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A member: its name, its folder relative to the workspace, and the distributions it asks for."""

    name: str
    path: str
    dependencies: frozenset[str]


def find_root(start: Path) -> Path:
    """Return the nearest folder from `start` upwards that is a workspace.

    Raises:
        WorkspaceNotFound: Where there is none.
    """
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file() and _members(folder) is not None:
            return folder
    raise WorkspaceNotFound(f"No pyproject.toml with [tool.uv.workspace] in {start} or above it.")


def read_packages(root: Path) -> list[Package]:
    """Return the members of the workspace, by name."""
    folders = {folder for pattern in _members(root) or () for folder in root.glob(pattern)}
    members = [folder for folder in folders if (folder / "pyproject.toml").is_file()]
    return sorted((_read_package(root, folder) for folder in members), key=lambda package: package.name)


def _members(folder: Path) -> list[str] | None:
    workspace = _read(folder).get("tool", {}).get("uv", {}).get("workspace")
    return None if workspace is None else workspace.get("members", [])


def _read_package(root: Path, folder: Path) -> Package:
    content = _read(folder)
    return Package(
        name=_normal(content["project"]["name"]),
        path=folder.relative_to(root).as_posix(),
        dependencies=frozenset(map(_normal, _requirements(content))),
    )


def _requirements(content: dict[str, Any]) -> Iterator[str]:
    project = content["project"]
    extras, groups = project.get("optional-dependencies", {}), content.get("dependency-groups", {})
    for requirements in (project.get("dependencies", []), *extras.values(), *groups.values()):
        for requirement in requirements:
            # A group may include another one, by a table; that one is among the groups too.
            if isinstance(requirement, str) and (name := _REQUIREMENT_NAME.match(requirement)):
                yield name[0]


def _normal(name: str) -> str:
    """Spell a name as the index does (the packaging specification "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
