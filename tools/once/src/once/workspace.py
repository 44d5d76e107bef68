"""The members of a uv workspace and the tasks that can be done with each, from pyproject.toml files and uv.lock."""

import json
import posixpath
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, NamedTuple

from once import lock as locks

# What a workspace that configures nothing gets, where the tool is configured (tests: where there are some).
DEFAULTS: dict[str, dict[str, Any]] = {
    "lint": {
        "run": [["ruff", "check", "{path}"], ["ruff", "format", "--check", "{path}"]],
        "inputs": ["/pyproject.toml#tool.ruff", "/pyproject.toml#project.requires-python", "/ruff.toml", "/.ruff.toml"],
        "upstream": False,
    },
    "typecheck": {
        "run": [["mypy", "{path}"]],
        "inputs": ["/pyproject.toml#tool.mypy", "/mypy.ini", "/.mypy.ini", "/setup.cfg"],
    },
    "security": {
        "run": [["bandit", "-q", "-c", "pyproject.toml", "-r", "{path}"]],
        "inputs": ["/pyproject.toml#tool.bandit"],
        "upstream": False,
    },
    "tests": {
        "run": [["pytest", "{path}"]],
        "inputs": ["/pyproject.toml", "/pytest.toml", "/pytest.ini", "/tox.ini", "/setup.cfg", "/conftest.py"],
    },
}
TOOLS = {"lint": "ruff", "typecheck": "mypy", "security": "bandit"}
# The dependency groups that usually hold a task's tools, best first.
GROUPS = {
    "lint": ("lint",),
    "typecheck": ("typecheck", "types", "typing"),
    "security": ("security",),
    "tests": ("tests", "test"),
}


def no_such(kind: str, name: str, names: Collection[str]) -> str:
    """Return what to tell whoever named a command, a task or a package that is not there, with the nearest that is."""
    from difflib import get_close_matches  # noqa: PLC0415  (costs time that nobody else has to spend)

    meant = "".join(f" Did you mean {near!r}?" for near in get_close_matches(name, names, n=1))
    return f"There is no {kind} {name!r}; there are: {', '.join(names) or 'none'}.{meant}"


class BadWorkspace(Exception):
    """The workspace cannot be used as it is; the message says what to change."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is done with a member, as `[tool.once.tasks.NAME]` says; README.md explains each."""

    run: tuple[tuple[str, ...], ...]
    group: str = ""
    environment: bool = True
    upstream: bool = True
    inputs: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    passthrough: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    granularity: str = "package"

    def text(self) -> str:
        """Return the definition as text, one for each."""
        return json.dumps({each.name: getattr(self, each.name) for each in fields(self)}, sort_keys=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """A package of the workspace: its name, its folder from the root ("." is the root) and its tasks."""

    name: str
    path: str
    tasks: Mapping[str, Task] = field(default_factory=dict)

    def expand(self, text: str) -> str:
        """Replace `{path}` and `{name}`."""
        return text.replace("{path}", self.path).replace("{name}", self.name)

    def pattern(self, glob: str) -> str:
        """Return a glob of this member as one from the root."""
        text = self.expand(glob)
        return posixpath.normpath(text[1:] if text.startswith("/") else f"{self.path}/{text}")


class Job(NamedTuple):
    """A task with a member; of one that is cut into parts (see `shards`), part `k/N` with its test files."""

    member: Member
    task: str
    part: str = ""
    files: tuple[str, ...] = ()
    others: tuple[str, ...] = ()  # the test files of the other parts

    def __str__(self) -> str:
        """Return the name of the job's nox session: `tests(rbac)`."""
        return f"{self.task}({self.member.name})"

    @property
    def history(self) -> str:
        """Return the name that the job has over time, in any checkout."""
        return f"{self} {self.member.path}{f' {self.part}' if self.part else ''}"

    @property
    def definition(self) -> Task:
        """Return what is to be done."""
        return self.member.tasks[self.task]


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A workspace at `root`: its members by name, its lock, and its root's own pyproject.toml."""

    root: str
    name: str
    members: Mapping[str, Member]
    lock: locks.Lock

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """Return the names of all tasks, sorted."""
        return tuple(sorted({task for member in self.members.values() for task in member.tasks}))

    def job(self, name: str, task: str) -> Job | None:
        """Return a job by the name of its member, None where there is none."""
        member = self.members.get(name)
        return Job(member, task) if member is not None and task in member.tasks else None

    def jobs(self, tasks: Iterable[str], packages: Collection[str] = ()) -> list[Job]:
        """Return the jobs of some tasks, of all members that have them or of some.

        Raises:
            BadWorkspace: There is no such task, or no such member.
        """
        for package in packages:
            if package not in self.members:
                raise BadWorkspace(no_such("package", package, sorted(self.members)))
        found = []
        for task in tasks:
            if task not in self.tasks:
                raise BadWorkspace(no_such("task", task, self.tasks))
            found += [
                Job(self.members[name], task)
                for name in sorted(packages or self.members)
                if task in self.members[name].tasks
            ]
        return found

    def closure(self, job: Job) -> tuple[locks.Node, ...]:
        """Return what is locked of a job's environment, members included."""
        task = job.definition
        roots = [
            node
            for name in {self.name, job.member.name} & set(self.lock.ids)
            for node in self.lock.roots(name, [task.group])
            if node.section == f":{task.group}"
        ]
        if task.environment:
            roots += self.lock.roots(job.member.name, ["dev"])
        return self.lock.closure(roots)

    @cached_property
    def by_package(self) -> Mapping[str, Member]:
        """Return the member of each package id of the lock."""
        return {package: self.members[name] for name, package in self.lock.ids.items() if name in self.members}

    def upstream(self, job: Job) -> list[Member]:
        """Return the members whose sources a job may read, beside its own."""
        found = {node.package for node in self.closure(job)} & set(self.by_package)
        return sorted(
            (self.by_package[package] for package in found - {self.lock.ids[job.member.name]}),
            key=lambda each: each.name,
        )


def load(
    root: str, files: Collection[str], read: Callable[[str], bytes], locked: Callable[[bytes], locks.Lock]
) -> Workspace:
    """Read a workspace.

    Args:
        root: The workspace's root, for `{root}`.
        files: The paths that there are.
        read: Returns the content of one of them.
        locked: Reads the content of uv.lock.

    Raises:
        BadWorkspace: A pyproject.toml cannot be used.
        locks.UnreadableLock: uv.lock cannot.
    """
    top = _toml("pyproject.toml", read("pyproject.toml"))
    lock = locked(read("uv.lock"))
    name = str(top.get("project", {}).get("name", ""))
    inherited = top.get("tool", {}).get("once", {}).get("tasks")
    folders = sorted((folder, each) for each, folder in lock.folders.items())
    tested = {path.partition("/tests/")[0] for path in files if "/tests/" in path} | (
        {"."} if any(path.startswith("tests/") for path in files) else set()
    )
    # The folders that have members inside.
    holders = {above for path, _ in folders if f"{path}/pyproject.toml" in files for above in _above(path)}
    members = {}
    for path, package in folders:
        member = package.partition("==")[0]
        file = "pyproject.toml" if path == "." else f"{path}/pyproject.toml"
        # A root that is no package only holds the others.
        if (path == "." and len(folders) > 1 and "@virtual" in package) or file not in files:
            continue
        text = read(file)
        own = _toml(file, text) if b"once" in text else {}
        tables = (
            dict(inherited) if inherited is not None else _defaults(top, lock, (name, member), tested=path in tested)
        )
        holds = path in holders
        if holds and inherited is None and "tests" in tables:
            tables["tests"]["run"] = [["pytest", "{path}/tests"]]
        tasks = {}
        for task, table in (tables | own.get("tool", {}).get("once", {}).get("tasks", {})).items():
            if table is not False:
                above = tables.get(task) or {}
                # A package adds its inputs, as the message about an undeclared one says: it cannot lose any by that.
                both = list(dict.fromkeys([*above.get("inputs", ()), *table.get("inputs", ())]))
                tasks[task] = _task(file, task, {**above, **table, "inputs": both}, holds=holds)
        members[member] = Member(name=member, path=path, tasks=tasks)
    return Workspace(root=root, name=name, members=members, lock=lock)


def _above(path: str) -> Iterator[str]:
    """Yield the folders around a folder, the root last."""
    while folder := posixpath.dirname(path):
        yield folder
        path = folder
    if path != ".":
        yield "."


def _toml(path: str, text: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(text.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadWorkspace(f"{path} cannot be read: {error}") from error


def _defaults(
    top: Mapping[str, Any], lock: locks.Lock, names: tuple[str, str], *, tested: bool
) -> dict[str, dict[str, Any]]:
    """Return the tasks of a workspace that names none: of each tool that it configures."""
    configured = top.get("tool", {})
    tables = {}
    for task, table in DEFAULTS.items():
        if tested if task == "tests" else TOOLS[task] in configured:
            sections = {node.section for name in names if name in lock.ids for node in lock.sections[lock.ids[name]]}
            group = next((group for group in (*GROUPS[task], "dev") if f":{group}" in sections), "")
            tables[task] = table | {"group": group}
    return tables


def _task(file: str, name: str, table: Mapping[str, Any], *, holds: bool) -> Task:
    known = {each.name for each in fields(Task)}
    if unknown := set(table) - known:
        raise BadWorkspace(
            f"{file}: [tool.once.tasks.{name}] has {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}"
        )
    if not table.get("run"):
        raise BadWorkspace(f'{file}: [tool.once.tasks.{name}] has no `run`: run = [["pytest", "{{path}}"]]')
    if any(not isinstance(command, list) for command in table["run"]):
        raise BadWorkspace(
            f'{file}: [tool.once.tasks.{name}] run is a list of commands: run = [["pytest", "{{path}}"]]'
        )
    upstream = bool(table.get("upstream", True))
    # A tool that is given a folder with other members in it reads those too.
    words = (word.replace("{path}/", "") for command in table["run"] for word in command)
    everything = ["**"] if holds and any("{path}" in word for word in words) else []
    return Task(
        run=tuple(tuple(command) for command in table["run"]),
        group=str(table.get("group", "")),
        environment=bool(table.get("environment", upstream)),
        upstream=upstream,
        inputs=(*table.get("inputs", ()), *everything),
        env=tuple(table.get("env", ())),
        passthrough=tuple(table.get("passthrough", ())),
        outputs=tuple(table.get("outputs", ())),
        caches=tuple(table.get("caches", ())),
        granularity=_granularity(file, name, table),
    )


def _granularity(file: str, name: str, table: Mapping[str, Any]) -> str:
    text = str(table.get("granularity", "package"))
    if text not in {"package", "file"}:
        raise BadWorkspace(f'{file}: [tool.once.tasks.{name}] granularity is "package" or "file", not "{text}"')
    return text
