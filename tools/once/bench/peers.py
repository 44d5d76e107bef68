"""The peers, installed from npm at pinned versions into build/peers, which every later run shares, offline."""

import json
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
VERSIONS: Final = {"turbo": "2.11.11", "nx": "24.0.6", "@moonrepo/cli": "2.5.5"}
_FOLDER: Final = ROOT / "build" / "peers"
MODULES: Final = _FOLDER / "node_modules"


class PeerMissing(Exception):
    """A peer could not be installed, or its program is not where its package puts it."""


def install() -> None:
    """Install the peers unless they are there already; what npm resolved is in build/peers/package-lock.json.

    Raises:
        PeerMissing: npm is not there, or failed.

    """
    if {name: _installed(name) for name in VERSIONS} == VERSIONS:
        return
    _FOLDER.mkdir(parents=True, exist_ok=True)
    manifest = {"name": "peers", "private": True, "dependencies": VERSIONS}
    (_FOLDER / "package.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    # No script of a package runs: the programs work as they are unpacked.
    npm = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    try:
        done = subprocess.run(npm, cwd=_FOLDER, check=False, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise PeerMissing("npm is not on PATH: install Node.js with npm, which brings turbo, nx and moon") from error
    if done.returncode:
        raise PeerMissing(f"npm cannot install {VERSIONS}: {done.stderr.strip()}")


def program(pattern: str) -> Path:
    """Return the one file below node_modules that `pattern` matches: npm unpacks only this platform's programs.

    Raises:
        PeerMissing: there is none, or there are several.

    """
    found = sorted(MODULES.glob(pattern))
    if len(found) != 1:
        raise PeerMissing(f"{len(found)} programs match {MODULES}/{pattern}: remove {_FOLDER} to install again")
    return found[0]


def _installed(name: str) -> str | None:
    manifest = MODULES / name / "package.json"
    return json.loads(manifest.read_text(encoding="utf-8"))["version"] if manifest.is_file() else None
