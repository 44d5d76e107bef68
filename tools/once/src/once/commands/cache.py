"""`once cache stats|gc|verify`: how much is kept, keep less, check that all is whole."""

import argparse
import json

from once.garbage import collect, limit
from once.store import LocalStore


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("what", choices=("stats", "gc", "verify"))
    parser.add_argument("--size", type=int, default=limit(), help="bytes that gc keeps (%(default)s, ONCE_CACHE_SIZE)")
    parser.add_argument("--json", action="store_true")


def main(root: str, chosen: argparse.Namespace) -> int:
    """Do it and print the figures; 1 where something was not whole."""
    del root
    store = LocalStore()
    if chosen.what == "gc":
        removed, freed = collect(store, chosen.size)
        figures = {"removed": removed, "bytes": freed}
    elif chosen.what == "verify":
        checked, bad = store.verify()
        figures = {"checked": checked, "removed": bad}
    else:
        files = list(store.files())
        results = sum(file.parent.name == "ac" for file in files)
        figures = {"results": results, "files": len(files), "bytes": sum(file.stat().st_size for file in files)}
    if figures.get("removed"):
        store.forget_runs()
    text = ", ".join(f"{name} {value}" for name, value in figures.items())
    print(json.dumps(figures) if chosen.json else f"{store.folder}: {text}")
    return 1 if chosen.what == "verify" and figures["removed"] else 0
