"""Guards of the access code, taken out one by one in a copy of the tree: `python -m tests.security.mutants`.

A guard whose named test still passes without it is guarded by nothing. So is one whose text is no longer found: the
code moved, and the table must follow. Both end the run as failed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[4]
SERVICE: Final = "services/inventory-backend"
_SOURCES: Final = ("libs/rbac/src", "libs/audit/src", "configs/src", "tools/devdb/src", SERVICE)
_FAILED: Final = 1  # pytest ran, and tests failed; 2 and above mean that it did not get that far


@dataclass(frozen=True, kw_only=True)
class Guard:
    """A line that must be there: `text` of `file` becomes `instead`, and `test` must fail.

    `test` is a path from the service's folder, or from the root for a library's own test.
    """

    name: str
    file: str
    text: str
    instead: str
    test: str

    @property
    def package(self) -> str:
        """Return the folder that the test runs in."""
        parts = self.test.split("/")
        return "/".join(parts[:2]) if parts[0] == "libs" else SERVICE

    @property
    def selection(self) -> str:
        """Return the test as pytest finds it from there."""
        return self.test.removeprefix(f"{self.package}/")


def guards() -> list[Guard]:
    """Return the table of `mutants.toml`."""
    rows = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["guard"]
    return [Guard(**row) for row in rows]


@contextmanager
def copy_of_the_tree() -> Iterator[Path]:
    """Copy what git does not ignore, as it lies, and yield where."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        copy = Path(name)
        for file in filter(None, listing.stdout.split("\0")):
            if (ROOT / file).is_file():
                (copy / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / file, copy / file)
        yield copy


def run(copy: Path, package: str, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run tests of a package in the copy, against the copy's packages and the checkout's own PostgreSQL."""
    paths = os.pathsep.join(str(copy / source) for source in _SOURCES)
    environment = dict(os.environ)  # noqa: TID251  (the child gets a changed copy)
    environment |= {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.setdefault("DEVDB_HOME", str(ROOT / ".devdb"))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", *tests],
        cwd=copy / package,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def survivors(copy: Path, chosen: Sequence[Guard]) -> Iterator[tuple[Guard, str]]:
    """Yield each guard that can be taken out without its test failing, and what happened instead."""
    for guard in chosen:
        file = copy / guard.file
        content = file.read_text(encoding="utf-8")
        if content.count(guard.text) != 1:
            yield guard, f"its text is {content.count(guard.text)} times in {guard.file}"
            continue
        file.write_text(content.replace(guard.text, guard.instead), encoding="utf-8")
        done = run(copy, guard.package, [guard.selection])
        file.write_text(content, encoding="utf-8")
        is_caught = done.returncode == _FAILED
        _say(f"{'caught  ' if is_caught else 'SURVIVED'}  {guard.name}  ({guard.test.partition('::')[2]})")
        if not is_caught:
            yield guard, f"pytest ended with {done.returncode}: {done.stdout[-500:]}"


def main(words: Sequence[str]) -> int:
    """Take out the guards whose names hold one of `words`, or all; return 1 where one was not missed."""
    started = time.monotonic()
    chosen = [guard for guard in guards() if not words or any(word in guard.name for word in words)]
    if not chosen:
        _say(f"No guard is called {' or '.join(words)}.")
        return 1
    with copy_of_the_tree() as copy:
        for package in sorted({guard.package for guard in chosen}):
            whole = run(copy, package, sorted({guard.selection for guard in chosen if guard.package == package}))
            if whole.returncode:
                _say(f"With every guard in place its tests must pass:\n{whole.stdout[-3000:]}{whole.stderr[-500:]}")
                return 1
        alive = list(survivors(copy, chosen))
    minutes = (time.monotonic() - started) / 60
    for guard, reason in alive:
        _say(f"{guard.name}: {reason}")
    _say(f"{len(chosen) - len(alive)}/{len(chosen)} guards are missed when they are taken out ({minutes:.1f} minutes)")
    return int(bool(alive))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
