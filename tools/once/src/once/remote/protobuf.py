"""The protobuf wire format: as much of it as an ActionResult needs.

Source: https://protobuf.dev/programming-guides/encoding/
"""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}


class Malformed(ValueError):
    """These bytes are no message of the kind that was expected."""


def encode(*fields: tuple[int, int | bytes]) -> bytes:
    """Returns the message with these (number, value) in this order; zero and empty are left out, as proto3 does."""
    message = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            # A negative int32 or int64 is sent as the 64 bits of its two's complement.
            message += _varint(number << 3 | _VARINT) + _varint(value % 2**64) if value else b""
        elif value:
            message += _varint(number << 3 | _BYTES) + _varint(len(value)) + value
    return bytes(message)


class Message:
    """The fields of one encoded message.

    Fields nobody asks for are skipped. A field that may occur once is refused when it occurs twice: protobuf would
    merge the two, no writer of ours makes them, and a signature is easier to trust when there is one reading.

    Raises:
        Malformed: the bytes end early, hold a group or a field number of zero, or a field is of another type.
    """

    def __init__(self, data: bytes) -> None:
        self._fields: dict[int, list[int | bytes]] = {}
        at = 0
        while at < len(data):
            tag, at = _read_varint(data, at)
            number, wire_type = tag >> 3, tag & 7
            if not 0 < number < 2**29:
                raise Malformed(f"field number {number}")
            if wire_type == _VARINT:
                value, at = _read_varint(data, at)
                self._fields.setdefault(number, []).append(value)
                continue
            if wire_type == _BYTES:
                length, at = _read_varint(data, at)
            elif wire_type in _FIXED_SIZES:
                length = _FIXED_SIZES[wire_type]
            else:
                raise Malformed(f"wire type {wire_type}")
            start, at = at, at + length
            if at > len(data):
                raise Malformed(f"field {number} ends after the message")
            if wire_type == _BYTES:
                self._fields.setdefault(number, []).append(data[start:at])

    def integer(self, number: int) -> int:
        """Returns the int32 or int64 in this field, 0 if it is absent."""
        value = self._single(number, default=0)
        if not isinstance(value, int):
            raise Malformed(f"field {number} is no integer")
        return value - 2**64 if value >= 2**63 else value

    def data(self, number: int) -> bytes:
        """Returns the bytes in this field, empty if it is absent."""
        return _bytes(number, self._single(number, default=b""))

    def text(self, number: int) -> str:
        """Returns the string in this field, empty if it is absent."""
        try:
            return self.data(number).decode()
        except UnicodeDecodeError as cause:
            raise Malformed(f"field {number} is not UTF-8") from cause

    def texts(self, number: int) -> list[str]:
        """Returns the strings of a repeated field, in their order."""
        try:
            return [_bytes(number, value).decode() for value in self._fields.get(number, [])]
        except UnicodeDecodeError as cause:
            raise Malformed(f"field {number} is not UTF-8") from cause

    def message(self, number: int) -> "Message":
        """Returns the message in this field, an empty one if it is absent."""
        return Message(self.data(number))

    def messages(self, number: int) -> "list[Message]":
        """Returns the messages of a repeated field, in their order."""
        return [Message(_bytes(number, value)) for value in self._fields.get(number, [])]

    def _single(self, number: int, *, default: int | bytes) -> int | bytes:
        values = self._fields.get(number, [default])
        if len(values) > 1:
            raise Malformed(f"field {number} occurs {len(values)} times")
        return values[0]


def _bytes(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise Malformed(f"field {number} is an integer")
    return value


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:  # noqa: PLR2004 -- seven bits a byte, as the format says
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 -- the highest bit says that more follows
            if value >= 2**64:
                break
            return value, at + index + 1
    raise Malformed("a varint that does not end or is over 64 bits")
