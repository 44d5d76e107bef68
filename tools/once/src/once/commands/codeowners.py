"""`once codeowners [--write | --check]`: who owns which package."""

import argparse
import sys
from pathlib import Path

from once.checkout import checkout
from once.ownership import FILE, MARK, codeowners
from once.workspace import BadWorkspace


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help=f"write {FILE}")
    what.add_argument("--check", action="store_true", help=f"exit with 1 where {FILE} differs")


def main(root: str, chosen: argparse.Namespace) -> int:
    """Print the owners, or write or check the file."""
    now, file = checkout(root), Path(root, FILE)
    text = codeowners(now.workspace, now.keys.inputs.read)
    there = file.read_text(encoding="utf-8") if file.exists() else None
    if chosen.check:
        if there == text:
            return 0
        sys.stderr.write(f"once: {FILE} is not what the packages say: run `once codeowners --write`\n")
        return 1
    if not chosen.write:
        print(text, end="")
        return 0
    if there is not None and not there.startswith(MARK):
        raise BadWorkspace(f"{FILE} was written by hand: move its owners to `[tool.once] owners`, and remove it")
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return 0
