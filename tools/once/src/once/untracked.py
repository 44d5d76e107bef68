"""When git's list of untracked files is the same as before, without asking git for it: it would read each folder.

The list follows from the names in each folder that git walks through, from what it is told to ignore, and from its
index. A new name changes its folder's times, as it does for git's own untracked cache.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from once import listing, memo


@dataclass(frozen=True, kw_only=True)
class Untracked:
    """The untracked files, and what has to stay the same for them to be all.

    Attributes:
        files: Their paths.
        stamps: The folders, and the files that say what is ignored.
        variables: The environment variables that lead to the latter.
    """

    files: tuple[str, ...]
    stamps: tuple[memo.Stamp, ...]
    variables: Mapping[str, str]


def is_settled(stamps: Iterable[memo.Stamp], seen: float) -> bool:
    """Return whether what changed after a time, in seconds since the epoch, has other stamps for sure."""
    return all(max(each[2:4]) // 1_000_000_000 + listing.SETTLED < seen for each in stamps)


def untracked(root: str, files: Iterable[str]) -> Untracked | None:
    """Return what makes a list of untracked files stay as it is; None where that is not told so simply.

    Raises:
        listing.GitStopped: Git is not installed.
    """
    if not Path(root, ".git").is_dir():  # what is above, or is of another worktree, would count too
        return None
    variables = {name: os.environ.get(name, "") for name in ("HOME", "XDG_CONFIG_HOME")}
    status, ignored = _git(root, "status", "--porcelain", "-z", "-uall", "--no-renames", "--ignored=matching")
    _, settings = _git(root, "config", "--list", "--show-origin", "-z")
    if status or b"\0include" in settings:  # which settings there are may then depend on anything
        return None
    skipped = {os.fsdecode(each[3:-1]) for each in ignored.split(b"\0") if each[:3] == b"!! " and each[-1:] == b"/"}
    paths = [*_folders(root, skipped), *_settings(root, settings, variables)]
    stamps = ((path, *memo.stamp("", str(Path(root, path)))[1:]) for path in dict.fromkeys(paths))
    return Untracked(files=tuple(files), stamps=tuple(stamps), variables=variables)


def _git(root: str, *words: str) -> tuple[int, bytes]:
    # What is on the disk counts, and not what a daemon or git's own cache holds to be there.
    trusting = ("-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false")
    return listing.output(("git", "--no-optional-locks", *trusting, "-C", root, *words))


def _folders(root: str, skipped: set[str]) -> Iterator[str]:
    """Yield the folders that git walks through, and the files in them that say what is ignored."""
    todo = ["."]
    while todo:
        folder = todo.pop()
        yield folder
        with os.scandir(Path(root, folder)) as entries:
            for each in entries:
                path = each.name if folder == "." else f"{folder}/{each.name}"
                if each.name == ".gitignore":
                    yield path
                elif each.name != ".git" and path not in skipped and each.is_dir(follow_symlinks=False):
                    todo.append(path)


def _settings(root: str, settings: bytes, variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the files, there or not, that may say what is ignored everywhere, or where that is said."""
    home, above = variables["HOME"], variables["XDG_CONFIG_HOME"] or f"{variables['HOME']}/.config"
    paths = [".git/config", ".git/config.worktree", ".git/info/exclude", "/etc/gitconfig"]
    paths += [f"{home}/.gitconfig", f"{above}/git/config", f"{above}/git/ignore"]
    paths += [os.fsdecode(each.removeprefix(b"file:")) for each in settings.split(b"\0")[::2] if each[:5] == b"file:"]
    _, ignoring = _git(root, "config", "--path", "--get", "core.excludesFile")
    paths += [os.fsdecode(ignoring.rstrip(b"\n"))] if ignoring else []
    for path in paths:
        yield from (path, str(Path(root, path).resolve()))
