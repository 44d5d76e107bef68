"""The commands of `once`: each parses its words, makes one call and prints."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from once.checkout import here
from once.git import UnknownRevision
from once.listing import GitStopped
from once.lock import UnreadableLock
from once.workspace import BadWorkspace, no_such

HELP = {
    "run": "run tasks with the packages whose results are not cached",
    "affected": "list the packages whose keys differ from a revision's",
    "plan": "say what `run` would run",
    "why": "say which inputs changed since a job last passed",
    "graph": "show the packages and what they depend on",
    "imports": "check what packages import against what they declare",
    "watch": "run again what a change affects, at each change",
    "new": "make a package that passes every task from its first minute",
    "codeowners": "say who owns which package, as GitHub's CODEOWNERS",
    "sbom": "list what a package installs, as CycloneDX",
    "provenance": "say from which commit and inputs a package's results are",
    "verify": "run a sample of what is cached again, and compare",
    "flaky": "list the jobs that failed and then passed with nothing changed",
    "cache": "show, bound or check the cache",
}
EXAMPLES = """examples:
  once run tests                      all packages, what is cached from the cache
  once run lint tests -p rbac -j 4    two tasks with one package
  once run tests -p rbac -- -k name   words for the tool; never cached
  once affected --base main --json    for a CI matrix
  once why rbac tests                 what changed since it last passed

exit codes: 0 all is well, 1 a job failed, 2 called wrongly, 3 an input is undeclared or it cannot go on"""


def dispatch(arguments: Sequence[str]) -> int:
    """Run the command that the words name and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="once",
        description="Only what a change affects, and nothing twice.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    words = list(arguments)
    if words and not words[0].startswith("-") and words[0] not in HELP:
        parser.error(no_such("command", words[0], HELP))
    posargs = words[words.index("--") + 1 :] if "--" in words else []
    words = words[: words.index("--")] if "--" in words else words
    for name, text in HELP.items():
        subparser = subparsers.add_parser(name, help=text, description=text)
        # Only the module of the command that is wanted is imported.
        if name in words[:1]:
            import_module(f"once.commands.{name}").arguments(subparser)
    chosen = parser.parse_args(words)
    chosen.posargs = posargs
    try:
        status: int = import_module(f"once.commands.{chosen.command}").main(here(), chosen)
    except (BadWorkspace, UnknownRevision) as error:
        sys.stderr.write(f"once: {error}\n")
        return 2
    except (GitStopped, UnreadableLock) as error:
        sys.stderr.write(f"once: {error}\n")
        return 3
    except KeyboardInterrupt:
        sys.stderr.write("once: interrupted\n")
        return 130
    return status
