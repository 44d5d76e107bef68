"""I18: quantities are exact; what cannot be stored is refused, never rounded."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.quantities import LARGEST, Inexact, exact, scaled_by, text_of

QUANTITIES = st.integers(-(10**20) + 1, 10**20 - 1).map(lambda units: Decimal(units).scaleb(-6))
FACTORS = st.builds(Fraction, st.integers(1, 10**6), st.integers(1, 10**4))


@given(QUANTITIES, FACTORS)
def test_I18_what_converts_converts_back_to_the_same(quantity: Decimal, factor: Fraction) -> None:
    try:
        converted = scaled_by(quantity, factor)
    except Inexact:
        product = Fraction(quantity) * factor
        assert (product * 10**6).denominator != 1 or abs(product) > LARGEST
        return
    assert Fraction(converted) == Fraction(quantity) * factor
    assert scaled_by(converted, 1 / factor) == quantity


@given(QUANTITIES)
def test_I18_text_says_the_same_number_in_one_spelling(quantity: Decimal) -> None:
    text = text_of(quantity)
    assert Decimal(text) == quantity
    assert "E" not in text
    assert text == text_of(Decimal(text))


@pytest.mark.parametrize("value", [Fraction(1, 3), Fraction(1, 10**7), Fraction(LARGEST) + Fraction(1, 10**6)])
def test_I18_what_cannot_be_stored_is_refused(value: Fraction) -> None:
    with pytest.raises(Inexact):
        exact(value)


@pytest.mark.parametrize(
    ("quantity", "text"),
    [("12.500000", "12.5"), ("-0.000000", "0"), ("1E+2", "100"), ("-0.000001", "-0.000001"), ("100", "100")],
)
def test_quantities_are_written_without_exponent_or_trailing_zeros(quantity: str, text: str) -> None:
    assert text_of(Decimal(quantity)) == text
