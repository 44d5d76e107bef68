"""An entry's encoding: what goes out comes back, what came from elsewhere is either understood or Malformed."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from once.remote.action_result import ActionResult, Digest, OutputFile, OutputSymlink, parse, serialize
from once.remote.protobuf import Malformed, Message, encode
from once.remote.signing import is_signed, signed

EMPTY = Digest.of(b"")
KEY = "ab" * 32
PASSED = ActionResult(exit_code=0, log=EMPTY, files=(), symlinks=(), nanoseconds=0)

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=8)
# The leading word makes each a name that may be restored, and none the parent of another.
paths = st.lists(names.map(lambda name: f"out/x{name}"), unique=True, max_size=5)
digests = st.binary(max_size=9).map(Digest.of)


@st.composite
def action_results(draw: st.DrawFn) -> ActionResult:
    outputs = sorted(draw(paths))
    cut = draw(st.integers(0, len(outputs)))
    return ActionResult(
        exit_code=draw(st.integers(-(2**31), 2**31 - 1)),
        log=draw(digests),
        files=tuple(OutputFile(path, draw(digests), is_executable=draw(st.booleans())) for path in outputs[:cut]),
        symlinks=tuple(OutputSymlink(path, draw(names)) for path in outputs[cut:]),
        nanoseconds=draw(st.integers(0, 10**15)),
        signature=draw(st.binary(max_size=32)),
        absent=tuple(sorted(draw(paths))),
        listed=tuple(sorted((path, draw(st.booleans()), draw(names)) for path in draw(paths))),
    )


@given(action_results())
def test_what_is_serialized_is_parsed(result: ActionResult) -> None:
    assert parse(serialize(result)) == result


@given(st.binary(max_size=200))
@example(b"\x80" * 11)
@example(b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
def test_arbitrary_bytes_are_understood_or_malformed(data: bytes) -> None:
    understood_or_malformed(data)


@given(action_results(), st.data())
def test_a_damaged_entry_is_understood_or_malformed(result: ActionResult, data: st.DataObject) -> None:
    message = bytearray(serialize(result))
    for _ in range(data.draw(st.integers(1, 3))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    understood_or_malformed(bytes(message[: data.draw(st.integers(0, len(message)))]))


def understood_or_malformed(data: bytes) -> None:
    try:
        result = parse(data)
    except Malformed:
        return
    assert parse(serialize(result)) == result


def test_the_bytes_are_those_of_the_remote_execution_api() -> None:
    result = ActionResult(
        exit_code=1,
        log=EMPTY,
        files=(OutputFile("a", Digest.of(b"a"), is_executable=True),),
        symlinks=(OutputSymlink("b", "a"),),
        nanoseconds=1_000_000_002,
        signature=b"s",
    )
    hash_a = b"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    hash_empty = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert serialize(result) == b"".join(
        [
            b"\x12\x4b" + b"\x0a\x01a" + b"\x12\x44" + b"\x0a\x40" + hash_a + b"\x10\x01" + b"\x20\x01",
            b"\x20\x01",
            b"\x32\x42" + b"\x0a\x40" + hash_empty,
            b"\x4a\x23" + b"\x0a\x04once" + b"\x5a\x15" + b"\x0a\x10once/hmac-sha256" + b"\x12\x01s",
            b"\x62\x04" + b"\x08\x01" + b"\x10\x02",
            b"\x62\x06" + b"\x0a\x01b" + b"\x12\x01a",
        ]
    )


def test_the_order_of_outputs_says_nothing() -> None:
    first, second = (OutputFile(path, EMPTY, is_executable=False) for path in ("a", "b"))
    assert serialize(replace(PASSED, files=(first, second))) == serialize(replace(PASSED, files=(second, first)))


def test_fields_of_a_newer_api_are_skipped() -> None:
    newer = encode((99, 7), (98, b"new")) + b"\xb9\x06" + bytes(8) + b"\xbd\x06" + bytes(4)  # also 64 and 32 bits wide
    assert parse(serialize(PASSED) + newer) == PASSED


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "digest ''/0"),
        (b"\x12", "a varint that does not end or is over 64 bits"),
        (b"\xff" * 9 + b"\x7f", "a varint that does not end or is over 64 bits"),
        (b"\x12\x05abc", "field 2 ends after the message"),
        (b"\x13", "wire type 3"),
        (b"\x02\x00", "field number 0"),
        (b"\x10\x01", "field 2 is an integer"),
        (b"\x22\x00", "field 4 is no integer"),
        (serialize(PASSED) * 2, "field 9 occurs 2 times"),
        (encode((4, 2**31), (6, b"\x0a\x40" + b"0" * 64)), "exit code 2147483648"),
        (encode((6, b"\x0a\x40" + b"A" * 64)), f"digest {'A' * 64!r}/0"),
        (encode((6, encode((1, b"0" * 64), (2, -1)))), f"digest {'0' * 64!r}/-1"),
        (encode((9, encode((12, encode((2, 10**9)))))), "duration with 1000000000 ns"),
        (encode((6, b"\x0a\x40" + b"0" * 64), (9, encode((12, encode((1, -1)))))), "duration of -1000000000 ns"),
        (encode((6, b"\x0a\x40" + b"0" * 64), (12, b"\x0a\x02\xff\xff")), "field 1 is not UTF-8"),
    ],
)
def test_what_is_malformed(data: bytes, why: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse(data)
    assert str(refusal.value) == why


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a\0b", ".git/hooks/x", "a/.GIT/x"]
)
def test_no_output_leaves_the_root_or_enters_git(path: str) -> None:
    with pytest.raises(Malformed, match="output path"):
        replace(PASSED, files=(OutputFile(path, EMPTY, is_executable=False),))
    with pytest.raises(Malformed, match="output path"):
        parse(serialize(PASSED) + encode((12, encode((1, path.encode()), (2, b"target")))))


def test_no_output_is_written_through_another() -> None:
    link, below = OutputSymlink("a/b", "/etc"), OutputFile("a/b/c/d", EMPTY, is_executable=False)
    with pytest.raises(Malformed, match="'a/b/c/d' leads through another output"):
        replace(PASSED, symlinks=(link,), files=(below,))
    with pytest.raises(Malformed, match="'a/b' leads through another output"):
        replace(PASSED, symlinks=(link, link))


def test_a_link_leads_somewhere() -> None:
    with pytest.raises(Malformed, match="symbolic link 'a' to ''"):
        replace(PASSED, symlinks=(OutputSymlink("a", ""),))


def test_an_integer_that_is_asked_for_as_text_is_malformed() -> None:
    with pytest.raises(Malformed, match="field 1 is an integer"):
        Message(encode((1, 5))).text(1)


@given(action_results(), action_results())
def test_a_signature_is_for_one_result_and_one_key_and_one_secret(result: ActionResult, other: ActionResult) -> None:
    entry = signed(result, key=KEY, secret=b"secret")
    assert is_signed(parse(serialize(entry)), key=KEY, secret=b"secret")
    assert not is_signed(entry, key="ac" * 32, secret=b"secret")
    assert not is_signed(entry, key=KEY, secret=b"Secret")
    assert not is_signed(replace(entry, signature=b""), key=KEY, secret=b"secret")
    if other.unsigned() != result.unsigned():
        assert not is_signed(replace(other, signature=entry.signature), key=KEY, secret=b"secret")


def test_what_was_looked_for_is_signed() -> None:
    entry = signed(replace(PASSED, absent=("local.ini",), listed=(("configs", False, "d"),)), key=KEY, secret=b"s")
    assert is_signed(parse(serialize(entry)), key=KEY, secret=b"s")
    for altered in (
        replace(entry, absent=()),
        replace(entry, listed=()),
        replace(entry, listed=(("configs", True, "d"),)),
    ):
        assert not is_signed(altered, key=KEY, secret=b"s")


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../a", "a/../../b", "a\0b"])
def test_what_was_looked_for_lies_in_the_root(path: str) -> None:
    with pytest.raises(Malformed):
        replace(PASSED, absent=(path,))
    with pytest.raises(Malformed):
        replace(PASSED, listed=((path, False, ""),))
