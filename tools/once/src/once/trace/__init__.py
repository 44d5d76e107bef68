"""What a job really read: files, variables and hosts of its Python processes, and the programs that were not traced.

Seen are the audit events of every Python process that honours PYTHONPATH: opening, listing and importing files,
starting programs, connecting. Not seen is what has no event: `os.stat` (so `os.path.exists` and glob's look for a name
without a pattern), what C libraries open themselves,
what runs after Python's last exit function, native programs and Pythons started with -I, -E or -S. The latter
two are named in `Trace.native`.
"""

from once.trace.record import RecordLost, Trace, environment, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from once.trace.test_files import by_test_file

__all__ = ["RecordLost", "Trace", "by_test_file", "environment", "read"]


def __getattr__(name: str) -> object:
    """Import what only a job that is selected by test file needs: Python's parser takes 10 ms to import."""
    if name == "by_test_file":
        from once.trace.test_files import by_test_file  # noqa: PLC0415  # as said

        return by_test_file
    raise AttributeError(name)
