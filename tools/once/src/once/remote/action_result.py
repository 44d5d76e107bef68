"""A result as other tools' caches know it: the ActionResult of Bazel's Remote Execution API, version 2.

Source of messages and field numbers: build/bazel/remote/execution/v2/remote_execution.proto in bazelbuild/remote-apis.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256

from once.remote.protobuf import Malformed, Message, encode

# Servers such as bazel-remote write the client's address here if it is empty.
_WORKER = b"once"
_SIGNATURE_TYPE = "once/hmac-sha256"
_LOOKED_AT_TYPE = "once/looked-at"
# The limit of google.protobuf.Duration: 10,000 years.
_LONGEST = 315_576_000_000
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Digest:
    """What a blob is found by: sha256 in lower-case hex and its length in bytes."""

    sha256: str
    size: int

    def __post_init__(self) -> None:
        """Refuses what is no digest."""
        if not _HASH.fullmatch(self.sha256) or not 0 <= self.size < 2**63:
            raise Malformed(f"digest {self.sha256!r}/{self.size}")

    @classmethod
    def of(cls, data: bytes) -> "Digest":
        """Returns the digest of these bytes."""
        return cls(sha256(data).hexdigest(), len(data))


@dataclass(frozen=True, order=True)
class OutputFile:
    """A file that the action wrote; the path is relative to the root."""

    path: str
    digest: Digest
    is_executable: bool


@dataclass(frozen=True, order=True)
class OutputSymlink:
    """A symbolic link that the action wrote; the path is relative to the root, the target as readlink says it."""

    path: str
    target: str


@dataclass(frozen=True, kw_only=True)
class ActionResult:
    """The result of one action; what it wrote is in the blobs that it names.

    `absent` are files that it looked for in vain, `listed` folders with whether only modules count, and the digest of
    their names.

    Raises:
        Malformed: restoring these outputs would write outside the root, into a `.git`, or through another output.
    """

    exit_code: int
    log: Digest
    files: tuple[OutputFile, ...]
    symlinks: tuple[OutputSymlink, ...]
    nanoseconds: int
    signature: bytes = b""
    absent: tuple[str, ...] = ()
    listed: tuple[tuple[str, bool, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuses what must not be restored."""
        if not -(2**31) <= self.exit_code < 2**31:
            raise Malformed(f"exit code {self.exit_code}")
        if not 0 <= self.nanoseconds <= _LONGEST * 10**9:
            raise Malformed(f"duration of {self.nanoseconds} ns")
        _check_paths([*(file.path for file in self.files), *(link.path for link in self.symlinks)])
        for path in (*self.absent, *(folder for folder, _, _ in self.listed)):
            if "\0" in path or (path != "." and any(part in {"", ".", ".."} for part in path.split("/"))):
                raise Malformed(f"path {path!r} that was looked at")
        for link in self.symlinks:
            if not link.target or "\0" in link.target:
                raise Malformed(f"symbolic link {link.path!r} to {link.target!r}")

    def unsigned(self) -> bytes:
        """Returns the one encoding of all that is said here but the signature: what the signature is over."""
        return serialize(replace(self, signature=b""))


def serialize(result: ActionResult) -> bytes:
    """Returns the message; equal results give equal bytes."""
    # "Details that are specific to the kind of worker": the one field the API leaves to whoever writes the entry.
    signature = encode((1, _SIGNATURE_TYPE.encode()), (2, result.signature)) if result.signature else b""
    looked_at = encode(
        *((1, path.encode()) for path in sorted(result.absent)),
        *(
            (2, encode((1, folder.encode()), (2, int(modules)), (3, digest.encode())))
            for folder, modules, digest in sorted(result.listed)
        ),
    )
    auxiliary = [signature, encode((1, _LOOKED_AT_TYPE.encode()), (2, looked_at)) if looked_at else b""]
    seconds, nanos = divmod(result.nanoseconds, 10**9)
    metadata = encode((1, _WORKER), *((11, each) for each in auxiliary if each), (12, encode((1, seconds), (2, nanos))))
    files = (
        encode((1, file.path.encode()), (2, _encoded(file.digest)), (4, int(file.is_executable)))
        for file in sorted(result.files)
    )
    symlinks = (encode((1, link.path.encode()), (2, link.target.encode())) for link in sorted(result.symlinks))
    return encode(
        *((2, file) for file in files),
        (4, result.exit_code),
        (6, _encoded(result.log)),
        (9, metadata),
        *((12, link) for link in symlinks),
    )


def parse(data: bytes) -> ActionResult:
    """Returns the result that this message says; outputs come sorted by path, fields that we do not know are skipped.

    Raises:
        Malformed: it is no ActionResult, or none that may be restored.
    """
    message = Message(data)
    metadata = message.message(9)
    duration = metadata.message(12)
    seconds, nanos = duration.integer(1), duration.integer(2)
    if not 0 <= nanos < 10**9:
        raise Malformed(f"duration with {nanos} ns")
    files = (
        OutputFile(file.text(1), _digest(file.message(2)), is_executable=bool(file.integer(4)))
        for file in message.messages(2)
    )
    auxiliary = {entry.text(1): entry for entry in reversed(metadata.messages(11))}
    signature, looked_at = auxiliary.get(_SIGNATURE_TYPE), auxiliary.get(_LOOKED_AT_TYPE)
    looked = looked_at.message(2) if looked_at is not None else Message(b"")
    return ActionResult(
        exit_code=message.integer(4),
        log=_digest(message.message(6)),
        files=tuple(sorted(files)),
        symlinks=tuple(sorted(OutputSymlink(link.text(1), link.text(2)) for link in message.messages(12))),
        nanoseconds=seconds * 10**9 + nanos,
        signature=signature.data(2) if signature is not None else b"",
        absent=tuple(sorted(looked.texts(1))),
        listed=tuple(sorted((each.text(1), bool(each.integer(2)), each.text(3)) for each in looked.messages(2))),
    )


def _encoded(digest: Digest) -> bytes:
    return encode((1, digest.sha256.encode()), (2, digest.size))


def _digest(message: Message) -> Digest:
    return Digest(message.text(1), message.integer(2))


def _check_paths(paths: Iterable[str]) -> None:
    seen: set[str] = set()
    for path in sorted(paths):
        parts = path.split("/")
        # An absolute path begins with an empty part. What is written into a .git may be run by the next git command.
        if "\0" in path or any(part.lower() in {"", ".", "..", ".git"} for part in parts):
            raise Malformed(f"output path {path!r}")
        # In sorted order an output comes before whatever lies below it.
        if any("/".join(parts[:depth]) in seen for depth in range(1, len(parts) + 1)):
            raise Malformed(f"output path {path!r} leads through another output")
        seen.add(path)
