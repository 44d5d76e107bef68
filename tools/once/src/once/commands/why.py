"""`once why PACKAGE TASK`: which inputs changed since the nearest pass that is stored."""

import argparse
import json

from once import changes
from once.checkout import checkout
from once.schedule import name
from once.store import LocalStore


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("package", metavar="PACKAGE")
    parser.add_argument("task", metavar="TASK")
    parser.add_argument("--json", action="store_true")


def main(root: str, chosen: argparse.Namespace) -> int:
    """Print a line for each input that differs."""
    now, store = checkout(root), LocalStore()
    job = next(iter(now.workspace.jobs([chosen.task], [chosen.package])), None)
    if job is None:
        print(f"{chosen.package} has no task {chosen.task}")
        return 2
    key = now.keys.of(job)
    here = changes.parse(key.manifest)
    passes = [
        (each, result.manifest)
        for each in reversed(store.history().get(name(job), ()))
        if (result := store.get(each.key))
    ]
    # The latest of those that differ least.
    nearest = min(passes, key=lambda each: changes.distance(changes.parse(each[1]), here), default=None)
    differing: list[str] = []
    if store.has(key.digest):
        state = "cached"
    elif nearest is None:
        state = "never passed here"
    else:
        past, manifest = nearest
        state = f"differs from the pass {past.key[: changes.SHORT]}"
        lists = store.listings(past.lists) | now.keys.listings
        differing = list(changes.between(changes.parse(manifest), here, lists.get))
    if chosen.json:
        print(json.dumps({"job": str(job), "key": key.digest, "state": state, "changes": differing}, indent=2))
    else:
        print(f"{job} {key.digest[: changes.SHORT]}: {state}", *differing, sep="\n  ")
    return 0
