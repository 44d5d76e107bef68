"""Which files are a job's inputs: its package's, upstream packages', declared ones, and what symlinks lead to."""

import os
import posixpath
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from glob import translate

from once.git import Snapshot
from once.workspace import Job, Member, Workspace

SPECIAL = re.compile(r"[*?\[]")


@dataclass(kw_only=True)
class Inputs:
    """The inputs of a workspace's jobs in one snapshot.

    Attributes:
        read: Returns the content of a file of the snapshot; of a symlink, its text.
        walked: Whether a folder outside the snapshot had to be walked, so that git's list does not tell everything.
    """

    workspace: Workspace
    snapshot: Snapshot
    read: Callable[[str], bytes]
    walked: bool = False
    _links: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def _paths(self) -> list[str]:
        return sorted(self.snapshot.files)

    @cached_property
    def owned(self) -> Mapping[str, list[str]]:
        """Return the files of each member, by its name: those below its folder and no member's folder inside it.

        What jobs leave (their declared outputs) is no input.
        """
        owners = {member.path: member.name for member in self.workspace.members.values()}
        owned: dict[str, list[str]] = {name: [] for name in self.workspace.members}
        left = {
            path
            for job in self._jobs()
            for glob in job.definition.outputs
            for path in self.matching(job.member.pattern(glob))
        }
        known: dict[str, str | None] = {}
        for path in self._paths:
            folder = path.rpartition("/")[0]
            if folder not in known:
                known[folder] = _owner(folder, owners)
            owner = known[folder]
            if owner is not None and path not in left:
                owned[owner].append(path)
        return owned

    def _jobs(self) -> Iterator[Job]:
        for member in self.workspace.members.values():
            yield from (Job(member, task) for task in member.tasks)

    def sources(self, member: Member) -> list[str]:
        """Return the files of a member that its dependents may read: all but its tests."""
        tests = "tests/" if member.path == "." else f"{member.path}/tests/"
        return [path for path in self.owned[member.name] if not path.startswith(tests)]

    def declared(self, job: Job) -> Iterator[tuple[str, list[str]]]:
        """Yield each input that a job declares, as a path or glob from the root (`#` a table of it), with its files."""
        for text in job.definition.inputs:
            pattern = job.member.pattern(text)
            path = pattern.partition(".toml#")[0] + ".toml" if ".toml#" in pattern else pattern
            yield pattern, self.matching(path) or ([] if SPECIAL.search(path) else [path])

    def of(self, job: Job) -> set[str]:
        """Return all paths that a job may read."""
        members = self.workspace.upstream(job) if job.definition.upstream else []
        found = {*self.owned[job.member.name], *(path for member in members for path in self.sources(member))}
        found.update(path for _, paths in self.declared(job) for path in paths)
        return found.union(*(self.linked(path) for path in found))

    def matching(self, glob: str) -> list[str]:
        """Return the files that a path, a folder or a glob stands for (`**` any folders, hidden ones too)."""
        special = SPECIAL.search(glob)
        if special is None:
            return [glob] if glob in self.snapshot.files else self._below(glob.rstrip("/") + "/")
        pattern = re.compile(translate(glob, recursive=True, include_hidden=True, seps="/"))
        return [path for path in self._below(glob[: special.start()]) if pattern.match(path)]

    def exists(self, path: str) -> bool:
        """Return whether something is on the disk under a path, git-ignored or not."""
        return os.path.lexists(os.path.join(self.snapshot.root, path))

    def _below(self, prefix: str) -> list[str]:
        return self._paths[bisect_left(self._paths, prefix) : bisect_left(self._paths, prefix + "\U0010ffff")]

    def linked(self, path: str) -> list[str]:
        """Return the files that a symlink leads to, through others too; nothing if it is none.

        A file outside the snapshot (git-ignored, or outside the workspace) is named by its path all the same.
        """
        entry = self.snapshot.files.get(path)
        if entry is None or entry.mode != "120000":
            return []
        if path not in self._links:
            self._links[path] = []  # a circle ends here
            self._links[path] = sorted(dict.fromkeys(self._follow(path)))
        return self._links[path]

    def _follow(self, path: str) -> Iterator[str]:
        root = self.snapshot.root
        text = os.fsdecode(self.read(path))
        target = posixpath.normpath(posixpath.join(root, posixpath.dirname(path), text))
        inside = target.removeprefix(f"{root}/")
        if inside in self.snapshot.files:
            yield inside
            yield from self.linked(inside)
        elif below := self._below(f"{inside}/"):
            yield from below
            yield from (each for one in below for each in self.linked(one))
        elif through := self._through(inside):
            yield from through
        elif os.path.isdir(target):
            self.walked = True
            yield from (
                f"{folder}/{name}".removeprefix(f"{root}/") for folder, _, names in os.walk(target) for name in names
            )
        else:
            yield inside
            yield os.path.realpath(target).removeprefix(f"{root}/")

    def _through(self, path: str) -> list[str]:
        """Return the files behind a path of which a folder is a symlink; all that this link leads to."""
        above = posixpath.dirname(path)
        while above and above != "/":
            if above in self.snapshot.files:
                return [above, *self.linked(above)]
            above = posixpath.dirname(above)
        return []


def _owner(folder: str, owners: Mapping[str, str]) -> str | None:
    while folder:
        if folder in owners:
            return owners[folder]
        folder = folder.rpartition("/")[0]
    return owners.get(".")
