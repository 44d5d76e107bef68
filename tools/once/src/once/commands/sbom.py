"""`once sbom PACKAGE`: what a package installs, as CycloneDX 1.5."""

import argparse
import json

from once import bill
from once.checkout import checkout


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.add_argument("package", metavar="PACKAGE")
    parser.add_argument("--extra", action="append", default=[], dest="extras", help="with this extra (again for more)")


def main(root: str, chosen: argparse.Namespace) -> int:
    """Print it."""
    checkout(root).workspace.jobs([], [chosen.package])  # it must exist
    print(json.dumps(bill.sbom(root, chosen.package, chosen.extras), indent=2))
    return 0
