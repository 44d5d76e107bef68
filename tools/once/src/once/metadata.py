"""The lock as uv reads it: `uv workspace metadata`, which is experimental; where it is silent, uv.lock's own text.

Both say the same, for what they are asked: which package depends on which, under which marker, by which artifacts. So
it does not matter to a key who read the lock. What was read last is kept by the digest of uv.lock.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any, Self

from once import lock, memo
from once.lock import Lock, Node, Part

COMMAND = ("workspace", "metadata", "--frozen", "--offline", "--preview-features", "workspace-metadata")
PATIENCE = 10.0  # seconds


class _Unknown(Exception):
    """Uv says it in a way that is not known here."""


class Reader:
    """Reads the lock of a checkout; uv is started when the reader is made, and works while other things are read.

    Args:
        root: The workspace's root.
        ask: Whether uv is asked where it is not known what it says: it reads what is on the disk now.
    """

    def __init__(self, root: str, *, ask: bool) -> None:
        self.root, self.file, self.ask = root, f"{memo.state_file(root)}.lock", ask
        self.text = b""
        self.started: subprocess.Popen[bytes] | None = None
        self.kept = memo.load(self.file) or {"digest": ""}
        with suppress(OSError):
            self.text = Path(root, "uv.lock").read_bytes()
            if ask and self.kept["digest"] != _digest(self.text):
                self.started = start(root)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End uv, if nobody waited for it."""
        if self.started is not None:
            self.started.kill()
            self.started.communicate()

    def read(self, text: bytes) -> Lock:
        """Read uv.lock, of which this is the content.

        Raises:
            UnreadableLock: It is torn, has conflict markers, or is of an unknown version.
        """
        digest = _digest(text)
        if self.kept["digest"] == digest:
            return Lock(nodes=dict(_kept(self.kept["nodes"])), folders=self.kept["folders"])
        found = None
        if self.started is not None and text == self.text:
            found, self.started = finish(self.started, self.root), None
        found = found or lock.read(text)
        if self.ask:
            self._keep(digest, found)
        return found

    def _keep(self, digest: str, found: Lock) -> None:
        rows = [(*node, part.version, part.digest, [*map(tuple, part.edges)]) for node, part in found.nodes.items()]
        with suppress(OSError):  # it is only for speed
            memo.save(self.file, {"digest": digest, "nodes": rows, "folders": dict(found.folders)})


def _digest(text: bytes) -> str:
    return sha256(text).hexdigest()


def _kept(rows: Iterable[tuple[str, str, str, str, list[tuple[str, str]]]]) -> Iterator[tuple[Node, Part]]:
    for package, section, version, digest, edges in rows:
        yield Node(package, section), Part(version, digest, tuple(Node(*edge) for edge in edges))


def start(root: str) -> subprocess.Popen[bytes]:
    """Start uv, for `finish`.

    Raises:
        OSError: There is none.
    """
    quiet = subprocess.DEVNULL
    return subprocess.Popen([_uv(), *COMMAND], cwd=root, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet)


def finish(started: subprocess.Popen[bytes], root: str) -> Lock | None:
    """Return the lock as uv says that it is; None where it cannot say it, or says what is not known here."""
    try:
        output, _ = started.communicate(timeout=PATIENCE)
        said: dict[str, Any] = json.loads(output)
        if os.path.realpath(said["workspace_root"]) != os.path.realpath(root):
            return None
        return Lock(nodes=dict(_nodes(said, root)), folders=dict(_folders(said, root)))
    except subprocess.TimeoutExpired:
        started.kill()
        started.communicate()
    except (ValueError, KeyError, TypeError, _Unknown):
        pass
    return None


def _uv() -> str:
    """Return the uv that runs this, or the interpreter's own: a shim before it on PATH would take longer than uv."""
    for each in (os.environ.get("UV"), f"{sys.base_prefix}/bin/uv", which("uv")):
        if each and os.access(each, os.X_OK):
            return each
    raise FileNotFoundError("uv")


def _nodes(said: Mapping[str, Any], root: str) -> Iterator[tuple[Node, Part]]:
    entries = {name: entry for name, entry in said["resolution"].items() if entry["kind"] != "workspace"}
    ids = {name: _node(entry, root) for name, entry in entries.items()}
    packages = {ids[name].package: entry for name, entry in entries.items() if entry["kind"] == "package"}
    names = Counter(entry["name"] for entry in packages.values())
    several = {name for name, count in names.items() if count > 1}
    for name, entry in entries.items():
        edges = [(ids[each["id"]], each.get("marker", "")) for each in entry["dependencies"]]
        hashes = _hashes(packages[ids[name].package])
        yield ids[name], lock.part(ids[name], entry["version"], hashes, edges, several)


def _node(entry: Mapping[str, Any], root: str) -> Node:
    match entry["source"]:
        case {"registry": {"url": str(place)}}:
            source = f"registry+{place}"
        case {"editable": str(place)}:
            source = f"editable+{_inside(place, root)}"
        case {"virtual": str(place)}:
            source = f"virtual+{_inside(place, root)}"
        case other:
            raise _Unknown(other)
    match entry["kind"]:
        case "package":
            section = ""
        case {"extra": str(name)}:
            section = f"[{name}]"
        case {"group": str(name)}:
            section = f":{name}"
        case other:
            raise _Unknown(other)
    return Node(f"{entry['name']}=={entry['version']}@{source}", section)


def _inside(place: str, root: str) -> str:
    found = os.path.relpath(place, os.path.realpath(root))
    if found.startswith(".."):
        raise _Unknown(place)
    return found


def _hashes(entry: Mapping[str, Any]) -> list[str]:
    artifacts = [*entry.get("wheels", ()), *([entry["sdist"]] if entry.get("sdist") else [])]
    if any(len(each["hashes"]) != 1 for each in artifacts):
        raise _Unknown(entry["name"])
    return [f"{kind}:{digest}" for each in artifacts for kind, digest in each["hashes"].items()]


def _folders(said: Mapping[str, Any], root: str) -> Iterator[tuple[str, str]]:
    entries = said["resolution"]
    for each in said["members"]:
        yield _node(entries[each["id"]], root).package, _inside(each["path"], root)
