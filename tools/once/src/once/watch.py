"""Whenever files of a workspace change, what jobs this affects."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from once import git
from once.checkout import UNUSABLE, checkout
from once.modules import site_packages
from once.workspace import Job

QUIET = 0.1  # seconds without a change after which somebody has finished writing
POLL = 0.25  # seconds between two looks at the files, where nothing tells of changes
SHARE = 20  # a look is at most one part in this many of the time


def affected(root: str, tasks: Sequence[str], packages: Sequence[str]) -> Iterator[list[Job]]:
    """Yield the jobs to do: at first all, then each time those whose keys changed, passed or failed before.

    A work tree in the middle of an edit that cannot be read is said on stderr, and waited out.
    """
    known: Mapping[str, str] = {}
    told = ""
    for _ in wakes(root):
        try:
            now = checkout(root)
            jobs = now.workspace.jobs(tasks, packages)
            keys = {str(job): now.keys.of(job).digest for job in jobs}
        except UNUSABLE as error:
            if told != str(error):
                told = str(error)
                sys.stderr.write(f"once: {told}\n")
            continue
        told = ""
        changed = [job for job in jobs if known.get(str(job)) != keys[str(job)]]
        known = keys
        if changed:
            yield changed


def wakes(root: str) -> Iterator[None]:
    """Yield at once, and then whenever files may have changed and nothing more changed for `QUIET` seconds.

    What changes while the caller is busy is not lost. With the extra `once[watch]` the kernel tells of changes;
    without it the files are listed again and again.
    """
    sys.path.append(str(site_packages()))
    try:
        import watchfiles  # noqa: PLC0415  # an extra
    except ModuleNotFoundError:
        yield from _polled(root)
        return
    quiet, started = round(QUIET * 1000), False
    for changed in watchfiles.watch(root, step=quiet, rust_timeout=quiet, yield_on_timeout=True):
        if changed or not started:
            started = True
            yield


def _polled(root: str) -> Iterator[None]:
    before: Mapping[str, git.Entry] | None = None
    while True:
        began = time.monotonic()
        files = _look(root)
        pause = max(POLL, SHARE * (time.monotonic() - began))
        if files != before:
            before = files
            while before is not None:
                time.sleep(QUIET)
                if (files := _look(root)) == before:
                    break
                before = files
            yield
        time.sleep(pause)


def _look(root: str) -> Mapping[str, git.Entry] | None:
    try:
        return git.snapshot(root).files
    except UNUSABLE:
        return None  # the caller finds out why
