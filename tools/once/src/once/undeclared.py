"""What a job read, by its trace, against what is in its key.

Variables need no look: a job has those alone that are in its key or pass always, and reads of others find nothing.
"""

import os
import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from once.inputs import Inputs
from once.listed import GENERATED, Listing, listing
from once.workspace import Job

if TYPE_CHECKING:
    from once.trace import Trace

# How Python and the common tools name a file that is not there.
_MISSING = re.compile(rb"No such file or directory: '([^']+)'|'?([^\s':]+)'?: No such file or directory")


def messages(job: Job, trace: "Trace", inputs: Inputs) -> Iterator[str]:
    """Yield a sentence with the fix for each input that a job read and did not declare."""
    declared = inputs.of(job) if trace.files else set()
    for path in sorted(trace.files):
        if _is_declared(path, declared) or _generated(path) or _is_ours(path, inputs) or _left(job, path):
            continue
        yield fix(job, "read", path)
    for host in sorted(trace.hosts):
        yield f"{job} connected to {host}, whose answers are in no key: let it use what is on this machine"


def fix(job: Job, verb: str, path: str) -> str:
    """Return the sentence about one input, with what to write where."""
    where = posixpath.normpath(f"{job.member.path}/pyproject.toml")
    line = f'add "/{path}" to [tool.once.tasks.{job.task}] inputs in {where}'
    return f"{job} {verb} {path}, which is not among its inputs: {line}"


def _is_declared(path: str, declared: set[str]) -> bool:
    """Return whether a path is among the inputs, or below a folder that is (one that git ignores)."""
    parts = path.split("/")
    return any("/".join(parts[:depth]) in declared for depth in range(len(parts), 0, -1))


def _generated(path: str) -> bool:
    return not GENERATED.isdisjoint(path.split("/"))


def _is_ours(path: str, inputs: Inputs) -> bool:
    """Return whether a path is of once itself, which is in the workspace when once is developed."""
    return os.path.join(inputs.snapshot.root, path).startswith(f"{os.path.dirname(__file__)}/")


def _left(job: Job, path: str) -> bool:
    """Return whether a path is of what the task leaves: its outputs and its tools' own caches."""
    patterns = (job.member.pattern(glob) for glob in (*job.definition.outputs, *job.definition.caches))
    return any(_below(path, each) or fnmatchcase(path, each) for each in patterns)


def absent(job: Job, trace: "Trace", inputs: Inputs) -> tuple[str, ...]:
    """Return the files that a job looked for and that are still not there."""
    looked_for = (path for path in trace.absent if not _generated(path) and not _left(job, path))
    return tuple(sorted(path for path in looked_for if not inputs.exists(path)))


def listed(job: Job, trace: "Trace", inputs: Inputs) -> tuple[Listing, ...]:
    """Return the folders that a job listed, with their names as they are after it.

    Where Python searched for a module in a folder all of whose modules are in the key, its names are known by that.
    """
    searched = trace.searched - trace.folders
    if searched:
        searched -= {path.rpartition("/")[0] or "." for path in inputs.of(job)}
    folders = [(folder, False) for folder in trace.folders] + [(folder, True) for folder in searched]
    return tuple(
        listing(inputs, folder, modules=modules)
        for folder, modules in sorted(folders)
        if not _generated(folder) and not _left(job, folder) and not _is_ours(folder, inputs)
    )


def missed(job: Job, trace: "Trace", log: bytes, inputs: Inputs, copy: str) -> list[str]:
    """Return the undeclared files that are in the workspace, and that a job in a copy of its inputs did not find.

    Those of native programs are a hint only, by what the job printed.
    """
    root = inputs.snapshot.root
    printed = {os.fsdecode(left or right) for left, right in _MISSING.findall(log)}
    folders = (copy, f"{copy}/{job.member.path}")  # in which the job may have worked
    absolute = {os.path.normpath(os.path.join(folder, name)) for name in printed for folder in folders}
    names = trace.absent | {path.removeprefix(f"{copy}/") for path in absolute if path.startswith(f"{copy}/")}
    found = {path for path in names if os.path.isfile(f"{root}/{path}") and not _generated(path)}
    return sorted(path for path in found - inputs.of(job) if not _left(job, path))


def _below(path: str, folder: str) -> bool:
    return folder in {".", path} or path.startswith(f"{folder}/")
