"""`once provenance [PACKAGE]...`: from which commit and inputs the results of packages are, as an in-toto statement."""

import argparse
import json
import os
import sys

from once import bill, remote
from once.checkout import checkout
from once.store import LayeredStore, LocalStore


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="only these packages (all)")
    parser.add_argument("--task", action="append", default=[], dest="tasks", help="only this task (again for more)")


def main(root: str, chosen: argparse.Namespace) -> int:
    """Print it; return 1 where a job has not passed under its present key."""
    now, far = checkout(root), remote.from_environment(os.environ)
    jobs = now.workspace.jobs(chosen.tasks or now.workspace.tasks, chosen.packages)
    statement = bill.provenance(now, LayeredStore(local=LocalStore(), remote=far), jobs)
    if far is not None:
        far.close()
    print(json.dumps(statement, indent=2))
    found = statement["predicate"]["buildDefinition"]["internalParameters"]["jobs"]
    missing = [each["job"] for each in found if not each["passed"]]
    if missing:
        sys.stderr.write(f"once: not passed as they are now: {', '.join(missing)}; see `once run`\n")
    return 1 if missing else 0
