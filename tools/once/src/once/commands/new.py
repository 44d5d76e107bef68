"""`once new lib|service|tool NAME`: a package that passes every task from its first minute."""

import argparse
import json

from once import modules, new
from once.checkout import checkout


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("kind", choices=tuple(new.KINDS))
    parser.add_argument("name", metavar="NAME", help="as in `once new lib stock-math`")
    parser.add_argument("--dry-run", action="store_true", help="say what would be written, and write nothing")
    parser.add_argument("--json", action="store_true", help='print {"package": ..., "path": ..., "files": [...]}')


def main(root: str, chosen: argparse.Namespace) -> int:
    """Write the package, and print what was written."""
    taken = modules.providers(modules.site_packages())
    plan = new.plan(chosen.kind, chosen.name, checkout(root).workspace, taken)
    if not chosen.dry_run:
        plan.write(root)
    if chosen.json:
        print(json.dumps({"package": plan.name, "path": plan.folder, "files": sorted(plan.files)}, indent=2))
    else:
        print(*sorted(plan.files), sep="\n")
        print("nothing written" if chosen.dry_run else "next: `uv sync`, which locks and installs it")
    return 0
