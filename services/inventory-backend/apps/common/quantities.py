"""Exact decimals: how quantities are written, and what can be stored (ledger.md, principle 2)."""

from decimal import Decimal
from fractions import Fraction

SCALE = 6
DIGITS = 20
LARGEST = Decimal(10) ** (DIGITS - SCALE) - Decimal(1).scaleb(-SCALE)
_UNIT = Decimal(1).scaleb(-SCALE)


class Inexact(ArithmeticError):
    """The exact result has more than six decimals, or more than fourteen digits before the point."""


def text_of(quantity: Decimal) -> str:
    """Return the one spelling of a quantity: no exponent, no trailing zeros, no minus zero.

    >>> text_of(Decimal("12.500000")), text_of(Decimal("-0")), text_of(Decimal("1E+2"))
    ('12.5', '0', '100')
    """
    text = f"{quantity:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def exact(value: Fraction) -> Decimal:
    """Return `value` as a storable decimal, or raise `Inexact`; nothing is ever rounded."""
    scaled = value * 10**SCALE
    if scaled.denominator != 1:
        raise Inexact
    quantity = Decimal(scaled.numerator) * _UNIT if abs(scaled.numerator) < 10**DIGITS else None
    if quantity is None:
        raise Inexact
    return quantity


def scaled_by(quantity: Decimal, factor: Fraction) -> Decimal:
    """Return `quantity` times an exact factor; raise `Inexact` where that cannot be stored."""
    return quantity if factor == 1 else exact(Fraction(quantity) * factor)
