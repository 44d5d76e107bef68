"""`once flaky [TASK...]`: the jobs that failed and then passed with nothing changed, the latest last."""

import argparse
import json

from once import flaky
from once.store import LocalStore


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="only these tasks (all)")
    parser.add_argument("--json", action="store_true", help="print each failure with its job, key and tests as JSON")


def main(root: str, chosen: argparse.Namespace) -> int:
    """Print a line for each flaky failure."""
    del root
    found = [
        each
        for each in flaky.history(LocalStore().folder)
        if not chosen.tasks or each.job.partition("(")[0] in chosen.tasks
    ]
    if chosen.json:
        print(json.dumps([each._asdict() for each in found], indent=2))
        return 0
    for each in found:
        tests = f": {', '.join(each.tests)}" if each.tests else ""
        print(f"{each.when} {each.job} failed with exit code {each.exit_code}, then passed{tests}")
    print(f"{len(found)} flaky failures of {len({each.job for each in found})} jobs")
    return 0
