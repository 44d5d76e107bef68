"""What a job really read: files, variables and hosts of its Python processes, and the programs that were not traced.

Seen are the audit events of every Python process that honours PYTHONPATH: opening, listing and importing files,
starting programs, connecting. Not seen is what has no event: `os.stat` (so `os.path.exists` and glob's look for a name
without a pattern), what C libraries open themselves,
what runs after Python's last exit function, native programs and Pythons started with -I, -E or -S. The latter
two are named in `Trace.native`.
"""

from once.trace.record import RecordLost, Trace, environment, read
from once.trace.test_files import by_test_file

__all__ = ["RecordLost", "Trace", "by_test_file", "environment", "read"]
