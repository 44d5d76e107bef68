"""A bounded cache: the results that were used last stay, and the lists and the history of these."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from once.store import LocalStore

OFTEN = 24 * 3600.0  # seconds between two collections of their own accord


def limit() -> int:
    """Return how many bytes the cache may have: ONCE_CACHE_SIZE, or 5 GiB."""
    return int(os.environ.get("ONCE_CACHE_SIZE") or 5 << 30)


def collect(store: LocalStore, size: int) -> tuple[int, int]:
    """Remove results, the longest unused first, until the rest is at most `size` bytes; return files and bytes removed.

    Another process may do the same, or put a result: what goes is a miss.
    """
    found = sorted(_found(store), reverse=True)
    removed = freed = total = 0
    kept = set()
    for _, length, file in found:
        total += length
        if total > size:
            file.unlink(missing_ok=True)
            removed, freed = removed + 1, freed + length
        else:
            kept.add(file.name)
    with suppress(OSError):  # on a disk that is full the history stays as it is, and the next run comes back
        _shorten(store, kept)
        (store.folder / "collected").touch()
    return removed, freed


def _found(store: LocalStore) -> Iterator[tuple[int, int, Path]]:
    """Yield when each file was used last, its size, and itself."""
    for file in store.files():
        with suppress(FileNotFoundError):  # another process took it away
            about = file.stat()
            yield about.st_mtime_ns, about.st_size, file


def _shorten(store: LocalStore, kept: set[str]) -> None:
    """Keep of the history what can still be compared with, and each job's last duration."""
    passes = [(job, each, each is found[-1]) for job, found in store.history().items() for each in found]
    lines = [
        f"{job}\t{each.key}\t{each.seconds:.3f}\t{each.lists}\n"
        for job, each, last in passes
        if last or each.key in kept
    ]
    beside = store.folder / f"history.{os.getpid()}"
    try:
        beside.write_text("".join(lines), encoding="utf-8")
        beside.replace(store.folder / "history")
    finally:
        beside.unlink(missing_ok=True)


def is_due(store: LocalStore) -> bool:
    """Return whether the last collection is long ago."""
    try:
        return time.time() - (store.folder / "collected").stat().st_mtime > OFTEN
    except OSError:
        return (store.folder / "ac").is_dir()
