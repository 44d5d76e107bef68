"""The key of a job: the digest of a manifest, which names everything that its result may depend on.

A manifest is a sorted list of `name<TAB>value` lines. Long lists in it (the files of a package, its locked closure) are
listings of their own, by digest, so that the cost of all keys grows with the number of files, not of dependents.
"""

import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from once import listing
from once.inputs import Inputs
from once.memo import SCHEMA, interpreter
from once.workspace import BadWorkspace, Job, Member


class Key(NamedTuple):
    """The key of a job and the manifest that it is the SHA-256 of."""

    digest: str
    manifest: bytes


@dataclass(kw_only=True)
class Keys:
    """The keys of jobs over one snapshot.

    Attributes:
        listings: Each list that a manifest names by its digest.
        loose: The files outside the snapshot whose content is in a key, as they were found.
    """

    inputs: Inputs
    environ: Mapping[str, str]
    listings: dict[str, bytes] = field(default_factory=dict)
    loose: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    _known: dict[Job, Key] = field(default_factory=dict)
    _lists: dict[tuple[str, bool], str] = field(default_factory=dict)
    _locked: dict[tuple[str, str, bool], str] = field(default_factory=dict)
    _tables: dict[str, Any] = field(default_factory=dict)
    _interpreter: str = field(default_factory=interpreter)

    def of(self, job: Job) -> Key:
        """Return the key of a job.

        Raises:
            BadWorkspace: A declared input cannot be read.
        """
        if job not in self._known:
            lines = sorted(f"{escape(name)}\t{escape(value)}\n" for name, value in self._lines(job))
            manifest = "".join(lines).encode(errors="surrogateescape")
            self._known[job] = Key(sha256(manifest).hexdigest(), manifest)
        return self._known[job]

    def _lines(self, job: Job) -> Iterator[tuple[str, str]]:
        task, member = job.definition, job.member
        yield "schema", SCHEMA
        yield "python", self._interpreter
        yield "package", f"{member.name} {member.path}"
        yield f"task {job.task}", task.text()
        yield f"files {member.path}", self._list(member, tests=True)
        yield "lock", self._lock(job)
        if job.part:
            yield "part", job.part
            yield from ((f"part {path}", "") for path in job.files)
        if task.upstream:
            for each in self.inputs.workspace.upstream(job):
                yield f"sources {each.path}", self._list(each, tests=False)
        for name in task.env:
            value = self.environ.get(name)
            yield f"env {name}", "unset" if value is None else sha256(os.fsencode(value)).hexdigest()
        for name, paths in self.inputs.declared(job):
            table = ".toml#" in name
            yield f"input {name}", self._table(name) if table else self._listing(self._file_lines(paths))

    def _lock(self, job: Job) -> str:
        """Return the digest of the list of what the job's environment resolves to."""
        about = job.member.name, job.definition.group, job.definition.environment
        if about not in self._locked:
            nodes = self.inputs.workspace.lock.nodes
            closure = self.inputs.workspace.closure(job)
            self._locked[about] = self._listing(
                f"{node}\t{nodes[node].version} {nodes[node].digest}\n" for node in closure
            )
        return self._locked[about]

    def _list(self, member: Member, *, tests: bool) -> str:
        """Return the digest of the list of a member's files; without its tests that of what dependents may read."""
        about = member.name, tests
        if about not in self._lists:
            paths = self.inputs.owned[member.name] if tests else self.inputs.sources(member)
            self._lists[about] = self._listing(self._file_lines(paths))
        return self._lists[about]

    def _listing(self, lines: Iterable[str]) -> str:
        text = "".join(lines).encode(errors="surrogateescape")
        digest = sha256(text).hexdigest()
        self.listings[digest] = text
        return digest

    def _file_lines(self, paths: Iterable[str]) -> Iterator[str]:
        """Yield a line for each file, and one for each that is read through a symlink."""
        for path in paths:
            yield f"{escape(path)}\t{self._said(path)}\n"
            for each in self.inputs.linked(path):
                yield f"{escape(path)} -> {escape(each)}\t{self._said(each)}\n"

    def _said(self, path: str) -> str:
        snapshot = self.inputs.snapshot
        entry = snapshot.files.get(path)
        if entry is not None:
            return f"{entry.mode} {entry.digest}"
        if path not in self.loose:
            self.loose[path] = listing.through(os.path.join(snapshot.root, path))
        found = self.loose[path]
        return " ".join(found) if found else "absent"

    def _table(self, name: str) -> str:
        """Return the digest of one table of a TOML file, as far as it says anything."""
        path, _, table = name.rpartition("#")
        if path not in self._tables:
            self._tables[path] = self._toml(path)
        content = self._tables[path]
        for part in table.split("."):
            content = content.get(part) if isinstance(content, dict) else None
        return sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()

    def _toml(self, path: str) -> Any:
        if path not in self.inputs.snapshot.files:
            return None
        try:
            return tomllib.loads(self.inputs.read(path).decode())
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadWorkspace(f"{path}, of which a table is an input, cannot be read: {error}") from error


def escape(text: str) -> str:
    """Return text without the characters that end a name or a line."""
    if "\\" in text or "\t" in text or "\n" in text:
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
    return text
