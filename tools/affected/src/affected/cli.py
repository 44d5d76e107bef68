"""The command `affected`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from affected import RevisionUnknown, WorkspaceNotFound, changed_files, find_root, read_packages, select


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the packages that a change affects; return 0, or 1 when that cannot be known."""
    parser = argparse.ArgumentParser(
        prog="affected",
        description="The packages of this uv workspace that a change affects, with what depends on them.",
        epilog="Examples: affected --base main; affected --base HEAD (what is not committed yet).",
    )
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument("--base", help="the revision that the change starts from")
    start.add_argument("--all", action="store_true", help="every package, as when there is no such revision")
    parser.add_argument("--json", action="store_true", help="print the names as a JSON array")
    options = parser.parse_args(arguments)
    try:
        root = find_root(Path.cwd())
        packages = read_packages(root)
        if options.all:
            reasons = {package.name: "--all" for package in packages}
        else:
            reasons = select(packages, changed_files(root, options.base))
    except (RevisionUnknown, WorkspaceNotFound) as error:
        print(f"affected: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(list(reasons)))
    else:
        width = max(map(len, reasons), default=0)
        for name, reason in reasons.items():
            print(f"{name:<{width}}  {reason}")
    return 0
