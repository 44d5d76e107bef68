"""What a pyproject.toml declares as dependencies."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from once.modules import normalized

REQUIREMENT = re.compile(r"\s*([\w.-]+)\s*(?:\[([^]]*)\])?")


class Requirement(NamedTuple):
    """A declared dependency: as it is written, its normalized name, and its extras."""

    text: str
    name: str
    extras: tuple[str, ...]


def requirement(text: str) -> Requirement:
    """Parse name and extras of a requirement."""
    found = REQUIREMENT.match(text)
    name, extras = found.groups() if found else (text, None)
    return Requirement(text, normalized(name), tuple(normalized(each) for each in (extras or "").split(",") if each))


@dataclass(frozen=True, kw_only=True)
class Declared:
    """The dependencies of a pyproject.toml: of the package and its extras, and of each of its groups."""

    runtime: tuple[Requirement, ...]
    groups: Mapping[str, tuple[Requirement, ...]]

    @classmethod
    def of(cls, pyproject: Mapping[str, Any]) -> "Declared":
        """Read them."""
        project, groups = pyproject.get("project", {}), pyproject.get("dependency-groups", {})

        def members(group: str) -> Iterator[str]:
            for each in groups.get(group, ()):
                if isinstance(each, str):
                    yield each
                else:
                    yield from members(each.get("include-group", ""))

        extras = project.get("optional-dependencies", {}).values()
        runtime = [*project.get("dependencies", ()), *(each for extra in extras for each in extra)]
        return cls(
            runtime=tuple(map(requirement, runtime)),
            groups={group: tuple(map(requirement, members(group))) for group in groups},
        )

    @property
    def all(self) -> tuple[Requirement, ...]:
        """Return them all."""
        return (*self.runtime, *(each for group in self.groups.values() for each in group))
