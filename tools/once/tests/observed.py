"""What the result of a job depends on, read from the disk without once's code: the judge of the property tests.

It is a program too, `python observed.py ROOT PACKAGE TASK`: the task of the tested workspaces, whose output is the
digest of all that it may depend on. A hit whose log is another than this program prints now is a wrong hit.
"""

import json
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from hashlib import sha256
from typing import Any

IGNORED = {".venv", "__pycache__", "out", "build"}  # as the workspace's .gitignore says, beside *.tmp
REPOSITORIES = {"vendor", "nested"}  # folders below a package where another .gitignore would hold
OUTPUT = "report.txt"
GENERATED = "build/generated"  # ignored and declared

type Files = Mapping[str, str]


def read(file: str, above: tuple[str, ...] = ()) -> str:
    """Return what is at a path: a link's text and what it leads to, a folder's files, a file's mode and content."""
    if os.path.islink(file):
        return f"link {os.readlink(file)} {beyond(os.path.realpath(file), above)}"
    return plain(file)


def plain(file: str) -> str:
    """Return what is at a path that is no link."""
    if not os.path.isfile(file):
        return "absent"
    executable = os.stat(file).st_mode & 0o100
    with open(file, "rb") as opened:
        return f"{'x' if executable else '-'} {sha256(opened.read()).hexdigest()}"


def beyond(target: str, above: tuple[str, ...] = ()) -> str:
    """Return what a link leads to: a file, or all files of a folder; `above` are those that it is inside of."""
    if not os.path.isdir(target):
        return plain(target)
    if target in above:
        return "circle"
    return digest([(os.path.relpath(each, target), read(each, (*above, target))) for each in below(target)])


def below(folder: str) -> list[str]:
    """Return the files and links of a folder; what git ignores only where the whole folder is ignored."""
    found = []
    for above, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(f"{above}/{name}")]
        folders[:] = [name for name in folders if name not in {".git", ".venv", *links}]
        found += [f"{above}/{name}" for name in (*names, *links) if name != ".git"]
    if not ignored(folder + "/"):
        found = [each for each in found if not ignored(each)]
    return sorted(found)


def ignored(path: str) -> bool:
    """Return whether git ignores a path; in a repository inside a package it would ask that one's .gitignore."""
    folder, _, name = path.rpartition("/")
    parts = folder.split("/")
    inside = any(
        part in REPOSITORIES and os.path.lexists("/".join([*parts[: depth + 1], ".git"]))
        for depth, part in enumerate(parts)
    )
    return not inside and (any(part.endswith(".tmp") for part in (*parts, name)) or not IGNORED.isdisjoint(parts))


def digest(value: object) -> str:
    """Return a digest of anything that JSON can say."""
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@cache
def toml(text: str) -> dict[str, Any]:
    """Return a TOML file's content; the same files are read again and again."""
    return tomllib.loads(text)


class Disk:
    """A workspace as it is on the disk now."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.top = self._toml("pyproject.toml")
        self.lock = {entry["name"]: entry for entry in self._toml("uv.lock")["package"]}
        self.contents: dict[str, str] = {}
        self.files = {os.path.relpath(file, root): file for file in below(root)}

    def _toml(self, path: str) -> dict[str, Any]:
        with open(f"{self.root}/{path}", encoding="utf-8", newline="") as opened:
            return toml(opened.read())

    def _content(self, path: str) -> str:
        if path not in self.contents:
            self.contents[path] = read(self.files[path])
        return self.contents[path]

    def packages(self) -> list[str]:
        """Return the names of the members that are there."""
        folders = {name: entry["source"].get("editable") for name, entry in self.lock.items()}
        return sorted(name for name, path in folders.items() if path and f"{path}/pyproject.toml" in self.files)

    def result(self, package: str, task: str, environ: Mapping[str, str]) -> str:
        """Return the digest of all that a job may depend on."""
        definition = dict(self.top["tool"]["once"]["tasks"][task])
        own = self._toml(f"packages/{package}/pyproject.toml").get("tool", {}).get("once", {}).get("tasks", {})
        # A package adds its inputs to the root's; every other key of its table is in place of the root's.
        inputs = [*definition.get("inputs", ()), *own.get(task, {}).get("inputs", ())]
        definition |= own.get(task, {}) | {"inputs": inputs}
        upstream = definition.get("upstream", True)
        dev = self.lock["workspace"]["dev-dependencies"].get(definition["group"], [])
        closure = self._closure([each["name"] for each in dev] + ([package] if upstream else []))
        folders = {f"packages/{name}": name == package for name in {package, *(closure if upstream else ())}}
        return digest(
            {
                "definition": definition,
                "files": [self._below(folder, tests=tests) for folder, tests in sorted(folders.items())],
                "lock": [self.lock[name] for name in closure if name in self.lock],
                "inputs": [self._declared(text) for text in definition.get("inputs", ())],
                "environ": [environ.get(name) for name in definition.get("env", ())],
            }
        )

    def _closure(self, names: list[str]) -> list[str]:
        found: set[str] = set()
        while names:
            name = names.pop()
            if name not in found:
                found.add(name)
                names += [each["name"] for each in self.lock.get(name, {}).get("dependencies", ())]
        return sorted(found)

    def _below(self, folder: str, *, tests: bool) -> Files:
        return {
            path: self._content(path)
            for path in self.files
            if path.startswith(f"{folder}/")
            and path != f"{folder}/{OUTPUT}"
            and (tests or not path.startswith(f"{folder}/tests/"))
        }

    def _declared(self, text: str) -> object:
        path, _, table = text[1:].partition("#")
        if table:
            return self.top["tool"].get(table.partition(".")[2])
        if path.startswith(GENERATED):
            return beyond(f"{self.root}/{path}")
        return dict(self._matching(path))

    def _matching(self, pattern: str) -> Iterator[tuple[str, str]]:
        for path in self.files:
            in_glob = fnmatchcase(path, pattern) and path.count("/") == pattern.count("/")
            if in_glob or path.startswith(f"{pattern}/"):
                yield path, self._content(path)


if __name__ == "__main__":
    print(Disk(sys.argv[1]).result(sys.argv[2], sys.argv[3], os.environ))
