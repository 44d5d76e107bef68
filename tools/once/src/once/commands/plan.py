"""`once plan TASK...`: what `run` would take from the cache and what it would run, longest first; or in which parts."""

import argparse
import json

from once import shards
from once.checkout import Checkout, checkout
from once.schedule import name
from once.store import LocalStore
from once.workspace import BadWorkspace


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("tasks", nargs="+", metavar="TASK")
    parser.add_argument(
        "-p", "--package", action="append", default=[], dest="packages", help="only this package (again for more)"
    )
    parser.add_argument(
        "--shards", type=int, metavar="N", help="cut the test files into N parts instead: what `run --shard` takes"
    )
    parser.add_argument("--json", action="store_true")


def main(root: str, chosen: argparse.Namespace) -> int:
    """Print one line for each job: whether it is cached, and how long it last took."""
    now, store = checkout(root), LocalStore()
    if chosen.shards is not None:
        return _shards(now, store, chosen)
    history = store.history()
    rows = []
    for job in now.workspace.jobs(chosen.tasks, chosen.packages):
        key, past = now.keys.of(job).digest, history.get(name(job))
        rows.append(
            {
                "job": str(job),
                "task": job.task,
                "package": job.member.name,
                "cached": store.has(key),
                "seconds": past[-1].seconds if past else None,
                "key": key,
            }
        )
    rows.sort(key=lambda row: (bool(row["cached"]), -float(str(row["seconds"] or "inf"))))
    if chosen.json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        seconds = "never run here" if row["seconds"] is None else f"{row['seconds']:.1f} s"
        print(f"{'cached' if row['cached'] else 'run   '} {row['job']} ({seconds})")
    return 0


def _shards(now: Checkout, store: LocalStore, chosen: argparse.Namespace) -> int:
    """Print how each part is asked for, for a CI matrix."""
    if chosen.shards < 1:
        raise BadWorkspace(f"--shards {chosen.shards}: into how many parts, such as 4")
    words = shards.plan(now.workspace.jobs(chosen.tasks, chosen.packages), chosen.shards, now.keys, store).shards()
    print(json.dumps(words) if chosen.json else "\n".join(words))
    return 0
