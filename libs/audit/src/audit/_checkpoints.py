"""Checkpoints: how large the trail was, and its root, signed so that anybody may keep it.

The form is a signed note with a tlog-checkpoint in it (C2SP: signed-note, tlog-checkpoint), with Ed25519.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit._merkle import HASH_BYTES

_ED25519: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_MARK: Final = "\u2014 "
_HEAD_LINES: Final = 3


class NoCheckpoint(ValueError):
    """A text is no checkpoint, or nobody whom we know signed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a log says of itself: its name (`origin`), how many leaves it has, and their root.

    `facts` are further lines, which the signature covers as well.
    """

    origin: str
    size: int
    root: bytes
    facts: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return what is signed."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.facts)
        return "".join(f"{line}\n" for line in lines)

    def signed(self, key: Ed25519PrivateKey) -> str:
        """Return the note: the text, an empty line, and a line with the signature."""
        signature = _key_id(self.origin, key.public_key()) + key.sign(self.text.encode())
        return f"{self.text}\n{_MARK}{self.origin} {base64.b64encode(signature).decode()}\n"


def open_checkpoint(note: str, *, keys: Iterable[Ed25519PublicKey]) -> Checkpoint:
    """Return what a note says, if one of `keys` signed it under the name of its own log.

    Raises:
        NoCheckpoint: it is malformed, or no key of these signed it.
    """
    text, gap, signatures = note.rpartition("\n\n")
    checkpoint = _parsed(f"{text}\n")
    if not gap or checkpoint.text != f"{text}\n":
        raise NoCheckpoint("This is no signed note: a text, an empty line, and signatures.")
    known = {_key_id(checkpoint.origin, key): key for key in keys}
    for line in signatures.splitlines():
        mark, name, encoded = line[: len(_MARK)], *line[len(_MARK) :].partition(" ")[::2]
        if (mark, name) == (_MARK, checkpoint.origin) and _is_by(known, _decoded(encoded), checkpoint.text):
            return checkpoint
    raise NoCheckpoint("None of our keys signed this checkpoint. Name the retired keys, if one of them did.")


def verifier_key(origin: str, key: Ed25519PublicKey) -> str:
    """Return a public key as those who check notes write it: name, key id in hex, key."""
    encoded = base64.b64encode(_ED25519 + key.public_bytes_raw()).decode()
    return f"{origin}+{_key_id(origin, key).hex()}+{encoded}"


def _parsed(text: str) -> Checkpoint:
    lines = text.split("\n")[:-1]
    if len(lines) < _HEAD_LINES or not lines[0] or not lines[1].isdecimal():
        raise NoCheckpoint("A checkpoint begins with the log's name, its size and its root, each on a line.")
    root = _decoded(lines[2])
    if len(root) != HASH_BYTES:
        raise NoCheckpoint("The root in a checkpoint is a SHA-256 in base64.")
    return Checkpoint(origin=lines[0], size=int(lines[1]), root=root, facts=tuple(lines[_HEAD_LINES:]))


def _is_by(known: dict[bytes, Ed25519PublicKey], signature: bytes, text: str) -> bool:
    key = known.get(signature[:_KEY_ID_BYTES])
    if key is None:
        return False
    try:
        key.verify(signature[_KEY_ID_BYTES:], text.encode())
    except InvalidSignature:
        return False
    return True


def _key_id(origin: str, key: Ed25519PublicKey) -> bytes:
    return hashlib.sha256(f"{origin}\n".encode() + _ED25519 + key.public_bytes_raw()).digest()[:_KEY_ID_BYTES]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
