"""Flaky failures: a job that failed, and then passed with nothing changed. They are said, listed, and no hit."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from once.workspace import Job

# A line of pytest's short summary.
_FAILED = re.compile(rb"^(?:\x1b\[[0-9;]*m)*(?:FAILED|ERROR)(?:\x1b\[[0-9;]*m)* (\S+)", re.MULTILINE)
# Nothing that another attempt could change: a command that is not executable, one that is not there.
CERTAIN = frozenset({126, 127})


class Flake(NamedTuple):
    """One flaky failure: when (UTC, ISO 8601), of which job under which key, with which exit code and failed tests."""

    when: str
    job: str
    key: str
    exit_code: int
    tests: tuple[str, ...]


def failed_tests(log: bytes) -> tuple[str, ...]:
    """Return the tests that pytest's output names as failed."""
    found = (_unstyled(name) for name in _FAILED.findall(log))
    return tuple(dict.fromkeys(name.decode(errors="replace") for name in found))


def _unstyled(text: bytes) -> bytes:
    return re.sub(rb"\x1b\[[0-9;]*m", b"", text)


def flake(job: Job, key: str, *, exit_code: int, log: bytes) -> Flake:
    """Return the flaky failure of a job just now."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Flake(now, str(job), key, exit_code, failed_tests(log))


def keep(folder: Path, found: Flake) -> None:
    """Append to the history of a cache's folder.

    Raises:
        OSError: The disk is full, or the folder may not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "flaky").open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(found._asdict())}\n")


def history(folder: Path) -> list[Flake]:
    """Return the flaky failures, oldest first."""
    try:
        lines = (folder / "flaky").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [found for line in lines if (found := _read(line)) is not None]


def _read(line: str) -> Flake | None:
    try:
        fields: dict[str, Any] = json.loads(line)
        return Flake(**fields | {"tests": tuple(fields["tests"])})
    except (ValueError, TypeError, KeyError):  # a torn line
        return None
