"""A workspace as it is in the work tree now, or in a revision: its files, members and keys together."""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from once import git, listing, lock, memo, workspace
from once.inputs import Inputs
from once.keys import Keys
from once.metadata import Reader


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A workspace, its files and its keys."""

    snapshot: git.Snapshot
    workspace: workspace.Workspace
    keys: Keys

    def memo(self, tasks: Sequence[str], done: Mapping[str, Sequence[memo.Stamp]]) -> dict[str, Any] | None:
        """Return what the next run may know of this one; None where git's list does not tell everything.

        Args:
            tasks: The tasks whose keys it holds.
            done: The keys that passed, each with the stamps of its outputs.
        """
        snapshot, keys = self.snapshot, self.keys
        jobs = {task: [(job.member.name, keys.of(job).digest) for job in self.workspace.jobs([task])] for task in tasks}
        if snapshot.raw is None:
            return None
        names = sorted(
            {name for each in self.workspace.members.values() for task in each.tasks.values() for name in task.env}
        )
        unclean = listing.unclean(snapshot.raw)
        contents = tuple((path, tuple(snapshot.files[path]) if path in snapshot.files else None) for path in unclean)
        ignored = tuple(sorted(keys.loose.items()))
        values = tuple((name, keys.environ.get(name)) for name in names)
        present = {key for each in jobs.values() for _, key in each}
        return {
            "index": snapshot.index,
            "raw": snapshot.raw,
            "names": names,
            "loose": [path for path, _ in ignored],
            "surroundings": (contents, ignored, values, memo.interpreter()),
            "packages": sorted(self.workspace.members),
            "tasks": list(self.workspace.tasks),
            "jobs": jobs,
            "done": {key: list(stamps) for key, stamps in done.items() if key in present},
        }


# Why a work tree cannot be used as it is; while jobs run, somebody may be in the middle of an edit.
UNUSABLE = (workspace.BadWorkspace, lock.UnreadableLock, listing.GitStopped, OSError)


def here() -> str:
    """Return the root of the workspace of the current folder.

    Raises:
        workspace.BadWorkspace: There is none.
    """
    root = listing.root_of(os.getcwd())
    if root is None:
        raise workspace.BadWorkspace("No uv workspace here: a pyproject.toml beside a uv.lock is needed; run `uv lock`")
    return root


def checkout(root: str, *, converted: bool = True) -> Checkout:
    """Return the workspace as it is in the work tree.

    Raises:
        listing.GitStopped, workspace.BadWorkspace, lock.UnreadableLock: See there.
    """

    def read(path: str) -> bytes:
        file = Path(root, path)
        return os.fsencode(file.readlink()) if stat.S_ISLNK(file.lstat().st_mode) else file.read_bytes()

    with Reader(root, ask=True) as reader:
        snapshot = git.snapshot(root, converted=converted)
        loaded = workspace.load(root, snapshot.files, read, reader.read)
    return Checkout(
        snapshot=snapshot,
        workspace=loaded,
        keys=Keys(inputs=Inputs(workspace=loaded, snapshot=snapshot, read=read), environ=os.environ),
    )


def again(before: Checkout) -> Checkout:
    """Return the workspace as it is now; with the keys that are known where nothing changed since.

    Raises:
        See `checkout`.
    """
    snapshot = git.snapshot(before.snapshot.root)
    loose = list(before.keys.loose.items())
    if snapshot.files == before.snapshot.files and all(
        listing.through(os.path.join(snapshot.root, path)) == entry for path, entry in loose
    ):
        return replace(before, snapshot=snapshot)
    return checkout(snapshot.root)


def revision(root: str, name: str) -> Checkout:
    """Return the workspace as it is in a revision, in today's environment.

    Raises:
        git.UnknownRevision: It does not exist here.
        workspace.BadWorkspace, lock.UnreadableLock: See there.
    """
    snapshot = git.tree(root, name)
    wanted = {
        path: entry
        for path, entry in snapshot.files.items()
        if entry.mode == "120000" or path.endswith(".toml") or path == "uv.lock"
    }
    contents = git.content(root, wanted)
    if "pyproject.toml" not in contents or "uv.lock" not in contents:
        raise workspace.BadWorkspace(f"{name} has no pyproject.toml beside a uv.lock in this folder")
    with Reader(root, ask=False) as reader:
        loaded = workspace.load(root, snapshot.files, contents.__getitem__, reader.read)
    return Checkout(
        snapshot=snapshot,
        workspace=loaded,
        keys=Keys(inputs=Inputs(workspace=loaded, snapshot=snapshot, read=contents.__getitem__), environ=os.environ),
    )
