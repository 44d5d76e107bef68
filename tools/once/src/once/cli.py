"""The command line: `once run tests`, `once affected --base main`, ... `once --help`.

Exit codes: 0 all is well, 1 a job failed, 2 it was called wrongly, 3 an input is undeclared or it cannot go on. Who
ends reading early (`once sbom app | head`) ends it as any program: quietly, and with the code of a broken pipe.
"""

import os
import sys
from time import monotonic

BROKEN_PIPE = 141  # 128 + SIGPIPE, as a shell says


def main() -> None:
    """Run the command line's command and end the process with its exit code."""
    try:
        try:
            status = _main(sys.argv[1:], monotonic())
        finally:  # argparse ends the process by itself
            sys.stdout.flush()
    except BrokenPipeError:
        # What Python still holds back is for nobody, and must not be tried again at its end.
        nobody = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nobody, sys.stdout.fileno())
        os.dup2(nobody, sys.stderr.fileno())
        status = BROKEN_PIPE
    sys.exit(status)


def _main(arguments: list[str], began: float) -> int:
    """Parse, do one thing, print. Where all is cached, nothing but built-in modules is imported."""
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

    return dispatch(arguments)
