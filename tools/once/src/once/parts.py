"""What a job's pytest and `once` agree on when only some of the test files run."""

from zlib import crc32

VARIABLE = "ONCE_TEST_FILES"  # the file that says which


def dealt(name: str, *, number: int, count: int) -> bool:
    """Return whether something of which only the name is known belongs to part `number` (from 1) of `count`."""
    return crc32(name.encode(errors="surrogateescape")) % count == number - 1
