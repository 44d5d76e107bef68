"""The kinds of value that every domain's wire shapes are made of (api.md 2, 3, 4 and 17).

Each constraint is stated once, on the type: it is checked when a body is decoded, it is printed in the OpenAPI
schema, and its hint is what people read when it is not met.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta, Struct, UnsetType

from apps.common.quantities import text_of

# Python's `$` also matches before a last line feed, hence the look-ahead; ECMA 262 reads both the same.
_END: Final = r"$(?!\n)"
_NO_CONTROL: Final = r"^[^\x00-\x1f\x7f-\x9f]*" + _END
_CODE: Final = r"^[A-Za-z0-9](?:[A-Za-z0-9._/+-]*[A-Za-z0-9+])?" + _END
_QUANTITY: Final = r"(0|[1-9][0-9]{0,13})(\.[0-9]{1,6})?" + _END


def _hint(text: str) -> dict[str, str]:
    return {"hint": text}


Text = Annotated[
    str,
    Meta(pattern=_NO_CONTROL, max_length=200, extra=_hint("text of at most 200 characters without control characters")),
]
Name = Annotated[
    str,
    Meta(
        pattern=_NO_CONTROL,
        min_length=1,
        max_length=200,
        extra=_hint("text of 1 to 200 characters without control characters"),
    ),
]
Note = Annotated[
    str,
    Meta(
        pattern=_NO_CONTROL, max_length=2000, extra=_hint("text of at most 2000 characters without control characters")
    ),
]
Code = Annotated[
    str,
    Meta(
        pattern=_CODE,
        min_length=1,
        max_length=64,
        extra=_hint("1 to 64 letters, digits and . _ / + -, beginning with a letter or digit"),
    ),
]
Selector = Annotated[
    str,
    Meta(
        pattern=_NO_CONTROL,
        min_length=1,
        max_length=200,
        description="An id, or a selector such as `sku:COF-250`, `loc:WH1-A-01`, `gtin:...` or `ext:<system>:<id>`.",
        extra=_hint("an id or a selector such as sku:COF-250 or loc:WH1-A-01"),
    ),
]
Quantity = Annotated[
    str,
    Meta(
        pattern="^-?" + _QUANTITY,
        description="An exact decimal as a string: at most 14 digits before the point and 6 after it.",
        extra=_hint('a decimal in a JSON string, such as "12.5", with at most 6 decimals'),
    ),
]
PositiveQuantity = Annotated[
    str,
    Meta(
        pattern=r"^(?!0(\.0+)?$)" + _QUANTITY,
        description="An exact decimal above zero, as a string.",
        extra=_hint('a decimal above zero in a JSON string, such as "12.5", with at most 6 decimals'),
    ),
]
Positive = Annotated[int, Meta(ge=1, le=10**12, extra=_hint("a whole number from 1 to 1000000000000"))]
Instant = Annotated[
    datetime,
    Meta(
        tz=True,
        description="RFC 3339 with an offset, such as 2026-11-22T08:00:00Z.",
        extra=_hint("a time with an offset, such as 2026-11-22T08:00:00Z"),
    ),
]
IdempotencyKey = Annotated[
    str,
    Meta(
        pattern=r"^[!-~](?:[ -~]*[!-~])?" + _END,  # spaces around a header's value are not part of it (RFC 9110, 5.5)
        min_length=1,
        max_length=200,
        extra=_hint("1 to 200 printable ASCII characters, best a UUID"),
    ),
]
InstantOut = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
IdOut = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]


class Stub(Struct, frozen=True):
    """A thing named inside another answer."""

    id: IdOut
    code: str
    name: str


class ExternalRefShape(Struct, frozen=True, forbid_unknown_fields=True):
    """The name of a thing in another system."""

    system: Code
    id: Annotated[
        str,
        Meta(
            pattern=r"^[^\s\x00-\x1f\x7f-\x9f]+" + _END,
            min_length=1,
            max_length=128,
            extra=_hint("1 to 128 characters without spaces"),
        ),
    ]


ExternalRefs = Annotated[list[ExternalRefShape], Meta(max_length=20)]


def instant(at: datetime) -> str:
    """Return a time as RFC 3339 in UTC with microseconds, such as `2026-11-22T08:00:00.000000Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant_or_none(at: datetime | None) -> str | None:
    """Return `instant(at)`, or None for None."""
    return None if at is None else instant(at)


def quantity(value: Decimal) -> str:
    """Return a quantity as the API spells it."""
    return text_of(value)


def given[T](value: T | UnsetType, default: T) -> T:
    """Return a field's value, or `default` where the caller left the field out."""
    return default if isinstance(value, UnsetType) else value


def uuid_or_none(text: str) -> UUID | None:
    """Return the UUID that `text` spells, or None."""
    if len(text) != 36:  # noqa: PLR2004  (UUID() also takes braces, urn: and no hyphens; we take one spelling)
        return None
    try:
        return UUID(text)
    except ValueError:
        return None
