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
    record = since.record(base, commit) if commit else None
    if record is not None:
        with suppress(OSError):  # it is only for speed
            memo.save(since.file(root), record)
            if (answer := since.since(root, chosen.base)) is not None:
                answer[1]()
    return 0


def affected(base: Checkout, now: Checkout, jobs: list[Job]) -> list[Job]:
    """Return the jobs whose keys are not what they were: new ones too."""
    found = []
    for job in jobs:
        before = base.workspace.job(job.member.name, job.task)
        if before is None or base.keys.of(before).digest != now.keys.of(job).digest:
            found.append(job)
    return found
