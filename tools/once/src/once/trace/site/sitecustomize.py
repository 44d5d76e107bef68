"""Python imports this before all else: starts the record of this process, then the environment's own sitecustomize."""
# ruff: noqa: PTH100, PTH120 - pathlib would cost every traced process more than all of this

import os
import sys

TYPE_CHECKING = False  # mypy knows the name
if TYPE_CHECKING:
    from once.trace.site import once_recorder
elif "ONCE_TRACE" in os.environ:
    import once_recorder  # by its bare name: the environment of a job may have no `once`


def _start() -> None:
    """Begin to record. A process that cannot reach the record stays untraced: whoever started it says so."""
    folder = os.environ.get("ONCE_TRACE")
    if folder is None:
        return
    try:
        once_recorder.start(folder)
    except OSError as error:
        sys.stderr.write(f"once: process {os.getpid()} is not traced: {error}\n")


def _chain() -> None:
    """Run the sitecustomize that this one hides, as if it had been found first."""
    here = os.path.dirname(os.path.abspath(__file__))
    # Children inherit PYTHONPATH; in this process nothing of ours stays importable.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    this = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # type: ignore[import-not-found]  # noqa: F401, PLC0415 - another one: sys.path changed
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = this


_start()
_chain()
