"""`once watch TASK...`: run again what a change affects, until Ctrl-C."""

import argparse
import sys

from once import watch
from once.checkout import UNUSABLE, checkout
from once.commands import run


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words: those of `run`."""
    run.arguments(parser)


def main(root: str, chosen: argparse.Namespace) -> int:
    """Run what is affected at each change; only an interrupt ends it."""
    checkout(root).workspace.jobs(chosen.tasks, chosen.packages)  # each must exist
    for jobs in watch.affected(root, chosen.tasks, chosen.packages):
        print(f"--- {', '.join(map(str, jobs))}", flush=True)
        tasks = [task for task in chosen.tasks if any(job.task == task for job in jobs)]
        names = sorted({job.member.name for job in jobs})
        try:
            run.main(root, argparse.Namespace(**vars(chosen) | {"tasks": tasks, "packages": names}))
        except UNUSABLE as error:
            sys.stderr.write(f"once: {error}\n")
        sys.stdout.flush()
    return 0
