"""The local store: results by key, on a disk that may fail at any moment.

Layout below the cache's folder: `ac/<key>` a result, whole, its own checksum first; `cas/ab/<sha256>` the lists that
manifests name, one file for the results of one batch; `notes/` what is known of a job by its name, such as what its
test files read; `history` a line for each pass, `flaky` one for each flaky failure; `state/` what each checkout's last
run knew (`memo`); `locks/` one file for each running job. A result is one file, since creating files is what a
run of many short jobs would spend its time on.
"""

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from once.listed import Listing
from once.memo import cache_folder

DECIMAL = re.compile(r"\d+\.\d+")
DIGEST = re.compile(r"[0-9a-f]{64}")
CACHEDIR = "Signature: 8a477f597d28d172789f06886806bc55\n# Results of once; safe to delete.\n"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a job left: its output as bytes, its files by path from the root with mode and content."""

    exit_code: int
    log: bytes
    outputs: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    seconds: float
    manifest: bytes
    absent: tuple[str, ...] = ()  # files that it looked for in vain: once one is there, this is no result any more
    listed: tuple[Listing, ...] = ()  # folders whose names it listed: once these differ, neither


class Store(Protocol):
    """Where results are kept by key."""

    def get(self, key: str) -> Result | None:
        """Return the result of a key, None where there is none that is whole."""

    def put(self, key: str, result: Result) -> None:
        """Keep a result."""


class Pass(NamedTuple):
    """A pass of a job: under which key, how long it took, and where the lists that its manifest names are."""

    key: str
    seconds: float
    lists: str


class LocalStore:
    """A store in a folder, shared by checkouts and by processes.

    Each file appears whole under its name (written beside it, then renamed), and is checked when read. What is torn
    or altered is removed, said on stderr, and is a miss.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(cache_folder())

    def get(self, key: str) -> Result | None:
        """Return the result of a key, None where there is none that is whole."""
        body = self._read(self.folder / "ac" / key)
        if body is None:
            return None
        try:
            return _result(body)
        except (ValueError, KeyError, TypeError):  # of a once that wrote other entries
            remove(self.folder / "ac" / key)
            return None

    def put(self, key: str, result: Result) -> None:
        """Keep a result.

        Raises:
            OSError: The disk is full, or the folder may not be written.
        """
        action = {
            "exit_code": result.exit_code,
            "log": len(result.log),
            "manifest": len(result.manifest),
            "outputs": [(path, mode, len(content)) for path, (mode, content) in result.outputs.items()],
            "seconds": result.seconds,
            "absent": result.absent,
            "listed": result.listed,
        }
        contents = [result.log, result.manifest, *(content for _, content in result.outputs.values())]
        body = b"".join([json.dumps(action).encode(), b"\n", *contents])
        self._write(self.folder / "ac" / key, sha256(body).hexdigest().encode() + b"\n" + body)

    def note(self, name: str) -> bytes | None:
        """Return what was kept under a name, None where there is nothing that is whole."""
        return self._read(self._note(name))

    def keep_note(self, name: str, body: bytes) -> None:
        """Keep something under a name, in place of what was there.

        Raises:
            OSError: See `put`.
        """
        self._write(self._note(name), sha256(body).hexdigest().encode() + b"\n" + body)

    def _note(self, name: str) -> Path:
        return self.folder / "notes" / sha256(name.encode(errors="surrogateescape")).hexdigest()

    def remove(self, key: str) -> None:
        """Forget a result, and what the checkouts' last runs knew of it."""
        (self.folder / "ac" / key).unlink(missing_ok=True)
        self.forget_runs()

    def forget_runs(self) -> None:
        """Forget what the checkouts' last runs knew: they answered for results that are here no more."""
        for known in ("state", "quick"):
            shutil.rmtree(self.folder / known, ignore_errors=True)

    def has(self, key: str) -> bool:
        """Return whether there is a result of a key, whole or not."""
        return (self.folder / "ac" / key).is_file()

    def _read(self, file: Path) -> bytes | None:
        """Return what a file holds after its checksum; what is torn or altered is taken away."""
        try:
            checksum, _, body = file.read_bytes().partition(b"\n")
        except IsADirectoryError:
            checksum, body = b"", b""
        except OSError:
            return None
        if sha256(body).hexdigest().encode() != checksum:
            sys.stderr.write(
                f"once: {file.relative_to(self.folder)} was torn or altered; removed, the job runs again\n"
            )
            remove(file)
            return None
        with suppress(OSError):  # another process may have taken it away by now
            os.utime(file)  # what is used stays longest
        return body

    def _write(self, file: Path, content: bytes) -> None:
        """Write a file whole or not at all."""
        beside = f"{file.parent}/.{file.name}.{os.getpid()}.{time.monotonic_ns()}"
        try:
            try:
                Path(beside).write_bytes(content)
            except FileNotFoundError:
                file.parent.mkdir(parents=True, exist_ok=True)
                Path(self.folder, "CACHEDIR.TAG").write_text(CACHEDIR, encoding="utf-8")
                Path(beside).write_bytes(content)
            Path(beside).replace(file)
        except OSError:
            Path(beside).unlink(missing_ok=True)
            raise

    def keep_passes(self, passes: Iterable[tuple[str, str, float]], listings: Mapping[str, bytes]) -> None:
        """Append passes (job, key, seconds) to the history, with the lists that their manifests name.

        Raises:
            OSError: See `put`.
        """
        text = json.dumps({digest: each.decode(errors="surrogateescape") for digest, each in listings.items()}).encode()
        digest = sha256(text).hexdigest()
        self._write(self.lists(digest), digest.encode() + b"\n" + text)
        with (self.folder / "history").open("a", encoding="utf-8") as file:
            file.write("".join(f"{job}\t{key}\t{seconds:.3f}\t{digest}\n" for job, key, seconds in passes))

    def lists(self, digest: str) -> Path:
        """Return the file of some lists."""
        return self.folder / "cas" / digest[:2] / digest

    def listings(self, digest: str) -> dict[str, bytes]:
        """Return lists by their digests."""
        text = self._read(self.lists(digest))
        content: dict[str, str] = {} if text is None else json.loads(text)
        return {name: each.encode(errors="surrogateescape") for name, each in content.items()}

    def history(self) -> dict[str, list[Pass]]:
        """Return the passes of each job, oldest first."""
        found: dict[str, list[Pass]] = {}
        try:
            lines = (self.folder / "history").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return {}
        for line in lines:
            match line.split("\t"):
                case [job, key, seconds, lists] if DECIMAL.fullmatch(seconds) and all(
                    map(DIGEST.fullmatch, (key, lists))
                ):
                    found.setdefault(job, []).append(Pass(key, float(seconds), lists))
                case _:  # torn, or of another version: the first two name files
                    continue
        return found

    def files(self) -> Iterator[Path]:
        """Yield the files of results and of their lists."""
        for name in ("ac", "cas", "notes"):
            yield from (file for file in (self.folder / name).rglob("*") if file.is_file())

    def verify(self) -> tuple[int, int]:
        """Check all files, removing what is not whole; return how many were checked and removed."""
        files = list(self.files())
        return len(files), sum(self._read(file) is None for file in files)


def _result(body: bytes) -> Result:
    """Read what `put` wrote after the checksum."""
    head, _, contents = body.partition(b"\n")
    action: dict[str, Any] = json.loads(head)
    ends = accumulate([action["log"], action["manifest"], *(size for _, _, size in action["outputs"])], initial=0)
    log, manifest, *files = (contents[start:end] for start, end in pairwise(ends))
    named = zip(action["outputs"], files, strict=True)
    return Result(
        exit_code=action["exit_code"],
        log=log,
        outputs={path: (mode, content) for (path, mode, _), content in named},
        seconds=action["seconds"],
        manifest=manifest,
        absent=tuple(action["absent"]),
        listed=tuple(Listing(*each) for each in action["listed"]),
    )


def remove(file: Path) -> None:
    """Take away what should be a file, whatever it is."""
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    else:
        file.unlink(missing_ok=True)


@dataclass(frozen=True, kw_only=True)
class LayeredStore:
    """The local store, then a remote one: what the remote has is kept locally, what is put goes to both."""

    local: LocalStore
    remote: Store | None

    def get(self, key: str) -> Result | None:
        """Return the result of a key from the nearest store that has it."""
        result = self.local.get(key)
        if result is None and self.remote is not None:
            result = self.remote.get(key)
            if result is not None:
                try:
                    self.local.put(key, result)
                except OSError as error:
                    sys.stderr.write(f"once: {error}; the result is used, and not kept\n")
        return result

    def put(self, key: str, result: Result) -> None:
        """Keep a result in both.

        Raises:
            OSError: The local one is full, or may not be written.
        """
        if self.remote is not None:
            self.remote.put(key, result)
        self.local.put(key, result)
