"""`once affected --base REF [TASK...]`: the packages of which a key differs from a revision's."""

import argparse
from contextlib import suppress

from once import answers, listing, memo, since
from once.checkout import Checkout, checkout, revision
from once.workspace import Job


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="only these tasks (all)")
    parser.add_argument("--base", default="main", help="the revision to compare the work tree with (%(default)s)")
    parser.add_argument("--json", action="store_true", help='print [{"task": ..., "package": ..., "path": ...}]')


def main(root: str, chosen: argparse.Namespace) -> int:
    """Print the packages, or the jobs as JSON."""
    base, now = revision(root, chosen.base), checkout(root, converted=False)
    now.workspace.jobs(chosen.tasks)  # each must exist
    jobs = affected(base, now, now.workspace.jobs(now.workspace.tasks))
    rows = [(job.task, job.member.name, job.member.path) for job in jobs]
    answers.show([row for row in rows if not chosen.tasks or row[0] in chosen.tasks], as_json=chosen.json)
    commit = listing.finish(since.commit(root, chosen.base))[1].decode("ascii").strip()
    if commit:
        with suppress(OSError):  # it is only for speed
            _remember(root, base, now, commit, rows)
    return 0


def _remember(root: str, base: Checkout, now: Checkout, commit: str, rows: list[since.Row]) -> None:
    """Keep the answer, and what there is to know of the revision."""
    record = since.record(base, commit)
    if record is not None:
        memo.save(since.file(root), record)
    known = memo.read(root) or {"done": {}}
    found = now.memo(now.workspace.tasks, known["done"])
    if found is not None:
        memo.write(root, found | {"affected": {commit: rows}})


def affected(base: Checkout, now: Checkout, jobs: list[Job]) -> list[Job]:
    """Return the jobs whose keys are not what they were: new ones too."""
    found = []
    for job in jobs:
        before = base.workspace.job(job.member.name, job.task)
        if before is None or base.keys.of(before).digest != now.keys.of(job).digest:
            found.append(job)
    return found
