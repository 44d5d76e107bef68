"""`once imports`: what packages import against what they declare."""

import argparse
import json

from once import imports, modules
from once.checkout import checkout


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("--json", action="store_true", help='print [{"path": ..., "line": ..., "code": ..., ...}]')


def main(root: str, chosen: argparse.Namespace) -> int:
    """Print a line for each finding; return 1 where there is one."""
    found = imports.load(checkout(root), modules.providers(modules.site_packages())).findings()
    if chosen.json:
        print(json.dumps([each._asdict() for each in found], indent=2))
    else:
        print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0
