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
from once.since import is_source
from once.since import owner as owner_of
from once.workspace import Job, Member, Workspace

SPECIAL = re.compile(r"[*?\[]")


@dataclass(kw_only=True)
class Inputs:
    """The inputs of a workspace's jobs in one snapshot.

    Attributes:
        read: Returns the content of a file of the snapshot; of a symlink, its text.
    """

    workspace: Workspace
    snapshot: Snapshot
    read: Callable[[str], bytes]
    _links: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def _symlinks(self) -> set[str]:
        return {path for path, entry in self.snapshot.files.items() if entry.mode == "120000"}

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
                known[folder] = owner_of(folder, owners)
            owner = known[folder]
            if owner is not None and path not in left:
                owned[owner].append(path)
        return owned

    @cached_property
    def left(self) -> Mapping[str, frozenset[str]]:
        """Return the names, or patterns of names, that jobs may leave in each folder ("" is the root)."""
        found: dict[str, set[str]] = {}
        for job in self._jobs():
            for glob in (*job.definition.outputs, *job.definition.caches):
                parts = job.member.pattern(glob).split("/")
                for depth, part in enumerate(parts):
                    found.setdefault("/".join(parts[:depth]), set()).add(part)
                    if SPECIAL.search(part):
                        break
        return {folder: frozenset(names) for folder, names in found.items()}

    def _jobs(self) -> Iterator[Job]:
        for member in self.workspace.members.values():
            yield from (Job(member, task) for task in member.tasks)

    def sources(self, member: Member) -> list[str]:
        """Return the files of a member that its dependents may read: all but its tests, and the words at its top."""
        top = 0 if member.path == "." else len(member.path) + 1
        return [path for path in self.owned[member.name] if is_source(path[top:])]

    def declared(self, job: Job) -> Iterator[tuple[str, list[str]]]:
        """Yield each input that a job declares, as a path or glob from the root (`#` a table of it), with its files."""
        for text in job.definition.inputs:
            pattern = job.member.pattern(text)
            path = pattern.partition(".toml#")[0] + ".toml" if ".toml#" in pattern else pattern
            yield pattern, self.matching(path) or self._unlisted(path)

    def of(self, job: Job) -> set[str]:
        """Return all paths that a job may read."""
        members = self.workspace.upstream(job) if job.definition.upstream else []
        found = {*self.owned[job.member.name], *(path for member in members for path in self.sources(member))}
        found.update(path for _, paths in self.declared(job) for path in paths)
        return found.union(*(self.linked(path) for path in found & self._symlinks))

    def matching(self, glob: str) -> list[str]:
        """Return the files that a path, a folder or a glob stands for (`**` any folders, hidden ones too)."""
        special = SPECIAL.search(glob)
        if special is None:
            return [glob] if glob in self.snapshot.files else self._below(glob.rstrip("/") + "/")
        pattern = re.compile(translate(glob, recursive=True, include_hidden=True, seps="/"))
        return [path for path in self._below(glob[: special.start()]) if pattern.match(path)]

    def _unlisted(self, glob: str) -> list[str]:
        """Return what counts where a declared input stands for no file of the snapshot.

        That is the path itself, which may be a file or a folder that git ignores; for a glob all of its folder, if
        nothing of that is in the snapshot.
        """
        special = SPECIAL.search(glob)
        if special is None:
            return [glob]
        folder = glob[: special.start()].rpartition("/")[0]
        return [folder] if folder and not self._below(f"{folder}/") else []

    def exists(self, path: str) -> bool:
        """Return whether something is on the disk under a path, git-ignored or not."""
        return os.path.lexists(os.path.join(self.snapshot.root, path))

    def _below(self, prefix: str) -> list[str]:
        return self._paths[bisect_left(self._paths, prefix) : bisect_left(self._paths, prefix + "\U0010ffff")]

    def linked(self, path: str) -> list[str]:
        """Return the files that a symlink leads to, through others too; nothing if it is none.

        A file outside the snapshot (git-ignored, or outside the workspace) is named by its path all the same.
        """
        if not self._is_link(path):
            return []
        if path not in self._links:
            found: dict[str, None] = {}
            todo = [path]
            while todo:
                reached = [each for each in self._follow(todo.pop()) if each not in found]
                found |= dict.fromkeys(reached)
                todo += [each for each in reached if self._is_link(each)]
            self._links[path] = sorted(found)
        return self._links[path]

    def _is_link(self, path: str) -> bool:
        return path in self._symlinks

    def _follow(self, path: str) -> Iterator[str]:
        text = os.fsdecode(self.read(path))
        place = posixpath.join(posixpath.dirname(path), text)
        target = posixpath.normpath(place).removeprefix(f"{self.snapshot.root}/")
        if target in self.snapshot.files:
            yield target
        else:
            yield from self._below(f"{target}/") or self._through(target) or [target]
        if "/.." in text.lstrip("./"):  # what that means depends on what is a link on the way: only the disk knows
            yield place

    def _through(self, path: str) -> list[str]:
        """Return the symlink that a folder of a path is, which leads to more than is wanted."""
        above = posixpath.dirname(path)
        while above and above != "/":
            if above in self.snapshot.files:
                return [above]
            above = posixpath.dirname(above)
        return []
