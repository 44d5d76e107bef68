"""The record of a job: written by its processes as they go, so that kill -9 loses nothing.

A record is a folder: `job` says what the job started with, and each process appends to a file of its own. An entry
is a letter, nanoseconds of the machine's monotonic clock, a space, a text and NUL.
"""
# ruff: noqa: PTH108, PTH123 - pathlib would cost every traced process more than all of this

import os
import time

ABSENT, EXIT, FOLDER, HOST, MADE, PROCESS, PROGRAM, READ, SEARCHED, VARIABLE = "AEDHMPXRSV"
# Of the pytest plugin alone: a test file begins, code reads a path, a module has a name, other packages' code runs.
SECTION, READER, MODULE, USED = "TGNU"
WORDS = "\x1f"  # between the words of a command


class Job:
    """What a job started with: its root, the variables that need no report, and all that were set."""

    def __init__(self, root: str, known: frozenset[str], given: frozenset[str]) -> None:
        self.root, self.known, self.given = root, known, given


def read_job(folder: str) -> Job:
    """Read what `write_job` wrote.

    Raises:
        OSError: When the record is not there.
    """
    with open(f"{folder}/job", "rb") as file:
        root, known, given = os.fsdecode(file.read()).split("\0")
    return Job(root, frozenset(known.split("=")), frozenset(given.split("=")))


def write_job(folder: str, job: Job) -> None:
    """Begin a record: a name of a variable has no equals sign.

    Raises:
        OSError: When the record cannot be written.
    """
    parts = (job.root, "=".join(sorted(job.known)), "=".join(sorted(job.given)))
    with open(f"{folder}/job", "wb") as file:
        file.write(os.fsencode("\0".join(parts)))


class Log:
    """The file of one process within the record."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.descriptor, self.inode, self.closed = -1, -1, False

    def open(self) -> None:
        """Begin a file: at the start, after a fork, and when the job has closed all descriptors.

        Raises:
            OSError: When the record cannot be written.
        """
        name = f"{self.folder}/{os.getpid()}-{time.monotonic_ns()}"
        self.descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.inode = os.fstat(self.descriptor).st_ino

    def write(self, kind: str, text: str) -> None:
        """Append one entry, or void the whole record."""
        if self.closed:
            return
        entry = os.fsencode(f"{kind}{time.monotonic_ns()} {text}") + b"\0"
        try:
            if not self._is_open():
                self.open()
            written = os.write(self.descriptor, entry)
        except OSError:
            written = 0
        if written != len(entry):
            self._void()

    def close(self) -> None:
        """Note the end of the process. Python takes its modules apart from here on, `os` included."""
        self.write(EXIT, "")
        self.closed = True

    def _is_open(self) -> bool:
        # A daemon closes what it inherits, and the number may be another file's by now.
        try:
            return os.fstat(self.descriptor).st_ino == self.inode
        except OSError:
            return False

    def _void(self) -> None:
        # Needs no space on the disk. Without its `job` no record is read.
        self.closed = True
        try:
            os.unlink(f"{self.folder}/job")
        except FileNotFoundError:
            return
        except OSError as error:
            os.write(2, os.fsencode(f"once: what this job reads can no longer be recorded: {error}\n"))
            os._exit(70)
