"""A new package that passes every task from its first minute, and that its workspace knows."""

import keyword
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from once.modules import normalized
from once.workspace import BadWorkspace, Workspace

TEMPLATES = Path(__file__).parent / "templates"
KINDS = {"lib": "libs", "service": "services", "tool": "tools"}
DESCRIPTIONS = {
    "lib": "A library: say in one sentence what for.",
    "service": "A service: say in one sentence what for.",
    "tool": "A command: say in one sentence what for.",
}
OPENED = r"[ \t]*dev[ \t]*=[ \t]*\[[ \t]*(#.*)?$"  # a list of one item to a line
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be written: the new package's folder, and contents by path from the root."""

    name: str
    folder: str
    files: Mapping[str, str]

    def write(self, root: str) -> None:
        """Write the files, the workspace's pyproject.toml last, so that what it names is there; let ruff format them.

        Raises:
            subprocess.CalledProcessError: Ruff does not like its configuration.
        """
        for path, text in sorted(self.files.items(), key=lambda each: each[0] == "pyproject.toml"):
            file = Path(root, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        # Which imports are first-party and how long a line is, this workspace's configuration says.
        ruff = Path(sys.executable).with_name("ruff")
        if ruff.exists():
            for words in (["check", "--quiet", "--fix-only", "--select=I001"], ["format", "--quiet"]):
                subprocess.run([ruff, *words, self.folder], cwd=root, check=True)


def plan(kind: str, name: str, workspace: Workspace, taken: Mapping[str, frozenset[str]]) -> Plan:
    """Return what makes a new package.

    Args:
        kind: One of `KINDS`.
        name: The name of the package; its module is the same with underscores.
        workspace: Where it is to be.
        taken: The distributions of each top-level module that is installed.

    Raises:
        BadWorkspace: The name cannot be used, or the workspace has no place for such a package.
    """
    text = Path(workspace.root, "pyproject.toml").read_text(encoding="utf-8")
    top = tomllib.loads(text)
    folder = f"{_place(kind, top)}/{name}"
    module = name.replace("-", "_")
    _check(name, module, workspace, taken)
    if Path(workspace.root, folder).exists():
        raise BadWorkspace(f"{folder} exists already: take another name, or remove it")
    known = {
        "name": name,
        "module": module,
        "description": DESCRIPTIONS[kind],
        "python": top.get("project", {}).get("requires-python") or f">=3.{sys.version_info.minor}",
        "scripts": "" if kind == "lib" else f'\n[project.scripts]\n{name} = "{module}.cli:main"\n',
    }
    files = {}
    for source in (TEMPLATES / "common", TEMPLATES / kind):
        for file in sorted(source.rglob("*.in")):
            inside = file.relative_to(source).as_posix().removesuffix(".in").replace("MODULE", module)
            files[f"{folder}/{inside}"] = Template(file.read_text(encoding="utf-8")).substitute(known)
    return Plan(name=name, folder=folder, files={**files, "pyproject.toml": register(text, name)})


def _place(kind: str, top: Mapping[str, Any]) -> str:
    """Return the folder for packages of a kind: its own, or the only one that the workspace has."""
    patterns: list[str] = top.get("tool", {}).get("uv", {}).get("workspace", {}).get("members", [])
    folders = [pattern.removesuffix("/*") for pattern in patterns if pattern.endswith("/*")]
    if KINDS[kind] in folders:
        return KINDS[kind]
    if len(folders) == 1:
        return folders[0]
    raise BadWorkspace(
        f'No place for a {kind}: add "{KINDS[kind]}/*" to members of [tool.uv.workspace] in pyproject.toml'
    )


def _check(name: str, module: str, workspace: Workspace, taken: Mapping[str, frozenset[str]]) -> None:
    if not NAME.fullmatch(name):
        raise BadWorkspace(f"{name!r} is no name: lower-case letters and digits, words joined by a hyphen")
    if module in sys.stdlib_module_names:
        raise BadWorkspace(f"{name} would hide the module {module} of the standard library: take another name")
    if keyword.iskeyword(module):
        raise BadWorkspace(f"{module} is a keyword, and cannot be imported: take another name")
    if module in {"test", "tests", "src"}:
        raise BadWorkspace(f"{module} is what folders of packages are called: take another name")
    locked = {normalized(node.package.partition("==")[0]) for node in workspace.lock.nodes}
    if name in {normalized(each) for each in workspace.members} | {normalized(workspace.name)}:
        raise BadWorkspace(f"There is a package {name} already: take another name")
    if name in locked or module in taken:
        owner = next(iter(taken.get(module, {name})))
        raise BadWorkspace(f"{name} would hide the distribution {owner}, which is installed here: take another name")


def register(text: str, name: str) -> str:
    """Return a workspace's pyproject.toml with a package among its sources and its dev group.

    Lines are added, and none is changed but a list on one line; comments stay.

    Raises:
        BadWorkspace: The text is laid out in a way that is not known here.
    """
    edited = _with_member(_with_source(text, name), name)
    expected = tomllib.loads(text)
    expected.setdefault("tool", {}).setdefault("uv", {}).setdefault("sources", {})[name] = {"workspace": True}
    dev = expected.setdefault("dependency-groups", {}).setdefault("dev", [])
    dev.append(name)
    try:
        found = tomllib.loads(edited)
    except tomllib.TOMLDecodeError:
        found = {}
    for content in (expected, found):
        groups = content.get("dependency-groups", {})
        groups["dev"] = sorted(groups.get("dev", []), key=str)
    if found != expected:
        raise BadWorkspace(
            f"pyproject.toml cannot be edited safely: add {name} = {{ workspace = true }} to [tool.uv.sources] and "
            f'"{name}" to dev of [dependency-groups] by hand'
        )
    return edited


def _with_source(text: str, name: str) -> str:
    line = f"{name} = {{ workspace = true }}\n"
    return _in_table(text, "tool.uv.sources", line, _end)


def _with_member(text: str, name: str) -> str:
    one_line = re.compile(r"^(\s*dev\s*=\s*\[)[ ]*(?=[^\s#])", re.MULTILINE)
    table = re.search(r"^\[dependency-groups\][^\n]*\n(?:(?!\[).*\n?)*", text, re.MULTILINE)
    if table is not None and (found := one_line.search(table[0])):
        at = table.start() + found.end()
        comma = "" if text[at] == "]" else ", "
        return f'{text[: table.start() + found.end(1)]}"{name}"{comma}{text[at:]}'
    if table is not None and re.search(f"^{OPENED}", table[0], re.MULTILINE):
        return _in_table(text, "dependency-groups", f'    "{name}",\n', lambda lines: _sorted(lines, name))
    return _in_table(text, "dependency-groups", f'dev = ["{name}"]\n', _end)


def _in_table(text: str, table: str, line: str, place: Callable[[list[str]], int]) -> str:
    """Return text with a line in a table, made at the end where there is none; `place` says after how many lines."""
    lines = text.splitlines(keepends=True)
    starts = [number for number, each in enumerate(lines) if each.split("#")[0].strip() == f"[{table}]"]
    if not starts:
        return f"{text.rstrip()}\n\n[{table}]\n{line}"
    start = starts[0] + 1
    stop = next((number for number in range(start, len(lines)) if lines[number].startswith("[")), len(lines))
    at = start + place(lines[start:stop])
    if not lines[at - 1].endswith("\n"):
        lines[at - 1] += "\n"
    return "".join([*lines[:at], line, *lines[at:]])


def _end(lines: list[str]) -> int:
    """Return after which line a table ends, without the blank lines and comments before the next one."""
    used = [number for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    return max(used, default=0)


def _sorted(lines: list[str], name: str) -> int:
    """Return after which line of `dev = [` a name belongs: before the first that is greater, or is no plain name."""
    start = next(number for number, line in enumerate(lines, 1) if re.match(OPENED, line))
    at = start
    while (found := re.match(r'\s*"([\w.-]+)"', lines[at])) and found[1] < name:
        at += 1
    return at
