"""Where paths lead."""
# ruff: noqa: PTH115 - pathlib would cost every traced process more than all of this

import os
import sys

_KIND, _LINK = 0o170000, 0o120000
_LINKS_AT_MOST = 40  # as the kernel
_CACHE_TAG = f".{sys.implementation.cache_tag}"


def source(path: str) -> str:
    """Return the module's source for the path of its compiled form, any other path as it is.

    Python reads only the compiled form when the source's time and size fit; pytest's rewritten tests are named alike.
    """
    folder, _, name = path.rpartition("/")
    if not name.endswith(".pyc"):
        return path
    prefix = sys.pycache_prefix
    if prefix and path.startswith(f"{prefix}/"):
        folder = folder[len(prefix) :]
    elif folder.endswith("/__pycache__"):
        folder = folder[: -len("/__pycache__")]
    else:
        return path
    return f"{folder}/{name[: name.rfind(_CACHE_TAG)]}.py"


class Paths:
    """Where paths lead, and over which symbolic links."""

    def __init__(self) -> None:
        self.folders: dict[str, tuple[str, tuple[str, ...]]] = {}

    def resolve(self, path: str, depth: int = 0) -> tuple[str, tuple[str, ...]]:
        """Return the real path of an absolute one, and each link on the way. The last part need not exist."""
        head, _, tail = path.rpartition("/")
        base, links = self._folder(head, depth)
        if tail in {"", "."}:
            return base or "/", links
        if tail == "..":
            return base.rpartition("/")[0] or "/", links
        here = f"{base}/{tail}"
        try:
            if os.lstat(here).st_mode & _KIND != _LINK:  # a failing readlink would cost three times as much
                return here, links
            target = os.readlink(here)
        except OSError:
            return here, links
        if depth > _LINKS_AT_MOST:
            return here, (*links, here)
        real, more = self.resolve(target if target.startswith("/") else f"{base}/{target}", depth + 1)
        return real, (*links, here, *more)

    def resolve_parent(self, path: str) -> tuple[str, tuple[str, ...]]:
        """Return the path with its folder resolved only, as for calls that act on a link itself."""
        head, _, tail = path.rstrip("/").rpartition("/")
        if tail in {"", ".", ".."}:
            return self.resolve(path)
        base, links = self._folder(head, 0)
        return f"{base}/{tail}", links

    def _folder(self, path: str, depth: int) -> tuple[str, tuple[str, ...]]:
        if path in {"", "/"}:
            return "", ()
        known = self.folders.get(path)
        if known is None:
            real, links = self.resolve(path, depth)
            known = self.folders[path] = ("" if real == "/" else real, links)
        return known
