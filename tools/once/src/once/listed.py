"""Listings of folders: their names are an input of whoever listed them, by digest.

Names that tools generate and that jobs declare as outputs are left out: they come and go with the jobs themselves.
"""

import os
from fnmatch import fnmatchcase
from hashlib import sha256
from importlib.machinery import all_suffixes
from typing import NamedTuple

from once.inputs import Inputs

# Generated from what is in the key, by tools that check that themselves.
GENERATED = frozenset(
    {
        *(".venv", "node_modules", ".git", "__pycache__"),
        *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".dmypy.json"),
    }
)
_SUFFIXES = tuple(all_suffixes())
_DISTRIBUTIONS = (".dist-info", ".egg-info", ".egg-link", ".pth")


class Listing(NamedTuple):
    """A folder that was listed: the digest of its names, or only of those that an import may look for."""

    folder: str
    modules: bool
    digest: str


def listing(inputs: Inputs, folder: str, *, modules: bool) -> Listing:
    """Return how a folder's names are on the disk now."""
    try:
        names = sorted(os.listdir(os.path.join(inputs.snapshot.root, folder)))
    except OSError:
        return Listing(folder, modules, "")
    left = inputs.left.get("" if folder == "." else folder, frozenset())
    kept = [
        name
        for name in names
        if name not in GENERATED
        and (not modules or _is_imported(inputs, folder, name))
        and not (any(fnmatchcase(name, each) for each in left) and not _holds(inputs, folder, name))
    ]
    return Listing(folder, modules, sha256("\0".join(kept).encode(errors="surrogateescape")).hexdigest())


def is_same(inputs: Inputs, before: Listing) -> bool:
    """Return whether a folder's names are what they were."""
    return listing(inputs, before.folder, modules=before.modules) == before


def _is_imported(inputs: Inputs, folder: str, name: str) -> bool:
    """Return whether a name may be a module, a distribution, or a folder with modules in it."""
    if "." in name:
        return name.endswith((*_SUFFIXES, *_DISTRIBUTIONS))
    try:
        return any(each.endswith(_SUFFIXES) for each in os.listdir(os.path.join(inputs.snapshot.root, folder, name)))
    except OSError:
        return False


def _holds(inputs: Inputs, folder: str, name: str) -> bool:
    """Return whether there are files of the snapshot under a name."""
    return bool(inputs.matching(name if folder == "." else f"{folder}/{name}"))
