"""Checkpoints: what is signed is what is read, and nothing else is."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from audit import Checkpoint, NoCheckpoint, leaf_hash, open_checkpoint, verifier_key

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
CHECKPOINT = Checkpoint(origin="example.com/audit", size=7, root=leaf_hash(b"x"), facts=("seal 3", "horizon 1 900"))
NOTE = CHECKPOINT.signed(KEY)


def test_reads_what_it_signed() -> None:
    assert open_checkpoint(NOTE, keys=[OTHER.public_key(), KEY.public_key()]) == CHECKPOINT


def test_has_the_form_that_others_read() -> None:
    origin, size, root, *facts, gap, signature = NOTE.splitlines()

    assert (origin, size, root) == ("example.com/audit", "7", base64.b64encode(leaf_hash(b"x")).decode())
    assert (facts, gap) == (["seal 3", "horizon 1 900"], "")
    mark, name, encoded = signature.split(" ")
    assert (mark, name, len(base64.b64decode(encoded))) == ("\u2014", "example.com/audit", 4 + 64)
    name, key_id, key = verifier_key("example.com/audit", KEY.public_key()).split("+", 2)
    assert (name, key_id) == ("example.com/audit", base64.b64decode(encoded)[:4].hex())
    assert base64.b64decode(key) == b"\x01" + KEY.public_key().public_bytes_raw()


def test_another_line_beside_ours_does_no_harm() -> None:
    witnessed = f"{NOTE}\u2014 witness.example {base64.b64encode(b'w' * 68).decode()}\n"

    assert open_checkpoint(witnessed, keys=[KEY.public_key()]) == CHECKPOINT


@given(place=st.integers(0, len(NOTE) - 1), letter=st.characters(exclude_categories=["Cs"]))
def test_no_letter_can_be_changed(place: int, letter: str) -> None:
    changed = NOTE[:place] + letter + NOTE[place + 1 :]
    try:
        said = open_checkpoint(changed, keys=[KEY.public_key()])
    except NoCheckpoint:
        return
    assert said == CHECKPOINT


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        "example.com/audit\n7\n",
        NOTE.replace("\n7\n", "\n8\n"),
        NOTE.replace("\n7\n", "\n07\n"),
        NOTE.replace("seal 3", "seal 4"),
        NOTE.replace("example.com", "example.org"),
        NOTE.rpartition("\n\n")[0] + "\n\n",
        CHECKPOINT.signed(OTHER),
        Checkpoint(origin="", size=7, root=leaf_hash(b"x")).signed(KEY),
        Checkpoint(origin="a", size=7, root=b"short").signed(KEY),
    ],
)
def test_refuses_what_we_did_not_sign(note: str) -> None:
    with pytest.raises(NoCheckpoint):
        open_checkpoint(note, keys=[KEY.public_key()])
