"""From changed files to packages."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from affected._workspace import Package

# What every session of every package reads.
SHARED = frozenset({".github/workflows/ci.yml", ".python-version", "noxfile.py", "pyproject.toml", "uv.lock"})
# At the top of a package: what no session of it reads.
DOCS = frozenset({"CHANGELOG.md", "README.md", "docs"})


def select(packages: Sequence[Package], files: Iterable[str]) -> dict[str, str]:
    """Return the names of the affected packages, sorted, each with the reason.

    The reason is a changed file, or the affected package that this one depends on.
    """
    files = list(files)
    shared = next((file for file in files if file in SHARED), None)
    if shared:
        return {package.name: shared for package in packages}
    reasons = {package.name: file for package in packages for file in reversed(files) if _reads(package, file)}
    return dict(sorted(_with_dependents(packages, reasons).items()))


def _reads(package: Package, file: str) -> bool:
    path, folder = PurePosixPath(file), PurePosixPath(package.path)
    return path.is_relative_to(folder) and DOCS.isdisjoint(path.relative_to(folder).parts[:1])


def _with_dependents(packages: Sequence[Package], reasons: Mapping[str, str]) -> dict[str, str]:
    found, queue = dict(reasons), list(reasons)
    while queue:
        dependency = queue.pop(0)
        for package in packages:
            if dependency in package.dependencies and package.name not in found:
                found[package.name] = f"depends on {dependency}"
                queue.append(package.name)
    return found
