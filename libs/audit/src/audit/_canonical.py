"""Values as JSON in one spelling each, so that equal facts are equal text."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from audit._events import NaiveInstant


def canonical_json(value: Any) -> str:
    """Return `value` as JSON.

    Decimals become strings without an exponent or trailing zeros, instants RFC 3339 strings in UTC
    with microseconds and Z, days and UUIDs their usual strings.

    Raises:
        NaiveInstant: a datetime has no offset from UTC.
        TypeError: a value is of a type that has no spelling here.
        ValueError: a number is not finite.
    """
    return _encode(value)


def _spell(value: object) -> object:
    match value:
        case Decimal():
            return _decimal(value)
        case UUID():
            return str(value)
        case datetime():
            if value.utcoffset() is None:
                raise NaiveInstant(value)
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Mapping():
            return dict(value)
    raise TypeError(f"An audit event cannot hold a {type(value).__name__}; spell it as text or numbers.")


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"An audit event cannot hold {value}; only finite numbers are facts.")
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


_encode = json.JSONEncoder(default=_spell, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode


def leaf_of(columns: Mapping[str, str | int | None]) -> bytes:
    """Return a stored event as the bytes that the trail's tree commits to: one spelling for one row.

    Every column counts, and each is text or a whole number, as the database spells it whatever its settings.

    >>> leaf_of({"seq": 7, "reason": "", "actor_id": None})
    b'{"actor_id":null,"reason":"","seq":7}'
    """
    return json.dumps(columns, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
