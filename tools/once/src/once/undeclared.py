"""What a job read, by its trace, against what is in its key.

Variables need no look: a job has those alone that are in its key or pass always, and reads of others find nothing.
"""

import os
import posixpath
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from once.inputs import Inputs
from once.workspace import Job

if TYPE_CHECKING:
    from once.trace import Trace

# Generated from what is in the key, by tools that check that themselves.
GENERATED = frozenset(
    {
        *(".venv", "node_modules", ".git", "__pycache__"),
        *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".dmypy.json"),
    }
)


def messages(job: Job, trace: "Trace", inputs: Inputs) -> Iterator[str]:
    """Yield a sentence with the fix for each input that a job read and did not declare."""
    declared = inputs.of(job)
    outputs = [job.member.pattern(glob) for glob in job.definition.outputs]
    for path in sorted(trace.files):
        if path in declared or _generated(path) or _is_ours(path, inputs):
            continue
        if any(_below(path, each) or fnmatchcase(path, each) for each in outputs):
            continue
        yield fix(job, "read", path)
    for host in sorted(trace.hosts):
        yield f"{job} connected to {host}, whose answers are in no key: let it use what is on this machine"


def fix(job: Job, verb: str, path: str) -> str:
    """Return the sentence about one input, with what to write where."""
    where = posixpath.normpath(f"{job.member.path}/pyproject.toml")
    line = f'add "/{path}" to [tool.once.tasks.{job.task}] inputs in {where}'
    return f"{job} {verb} {path}, which is not among its inputs: {line}"


def _generated(path: str) -> bool:
    return not GENERATED.isdisjoint(path.split("/"))


def _is_ours(path: str, inputs: Inputs) -> bool:
    """Return whether a path is of once itself, which is in the workspace when once is developed."""
    return os.path.join(inputs.snapshot.root, path).startswith(f"{os.path.dirname(__file__)}/")


def absent(trace: "Trace", inputs: Inputs) -> tuple[str, ...]:
    """Return the files that a job looked for and that are still not there."""
    return tuple(sorted(path for path in trace.absent if not _generated(path) and not inputs.exists(path)))


def _below(path: str, folder: str) -> bool:
    return folder in {".", path} or path.startswith(f"{folder}/")
