"""The command line: `once run tests`, `once affected --base main`, ... `once --help`.

Exit codes: 0 all is well, 1 a job failed, 2 it was called wrongly, 3 an input is undeclared or it cannot go on.
"""

import os
import sys
from time import monotonic


def main() -> None:
    """Parse, do one thing, print. Where all is cached, nothing but built-in modules is imported."""
    began = monotonic()
    arguments = sys.argv[1:]
    if arguments[:1] in (["run"], ["affected"]):
        from once import answers, listing

        try:
            known = answers.run(arguments[1:], began) if arguments[0] == "run" else answers.affected(arguments[1:])
        except listing.GitStopped:
            known = False  # the long way says what is wrong
        if known:
            sys.stdout.flush()
            os._exit(0)  # there is nothing to tear down, and tearing it down costs a tenth of the run
    from once.commands import dispatch

    sys.exit(dispatch(arguments))
