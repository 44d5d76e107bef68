"""I18 over HTTP: what is entered in any unit is exactly its base units, converts back to itself, or is refused."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.common.db import rows
from apps.common.quantities import LARGEST, text_of
from apps.ledger.tests.posting import everything
from apps.ledger.tests.test_properties import undone
from tests.answers import json_of, refusal
from tests.client import Client

# All that the API can be sent: fourteen digits before the point and six after it; small ones come more often.
QUANTITIES = st.one_of(st.integers(1, 10**9), st.integers(1, 10**20 - 1)).map(lambda units: Decimal(units).scaleb(-6))
FACTORS = st.one_of(
    st.tuples(st.integers(1, 5000), st.sampled_from((1, 2, 10, 1000))),
    st.tuples(st.integers(1, 10**12), st.integers(1, 10**12)),
)
STORED = """
    SELECT quantity, entered_quantity, factor_num, factor_den FROM ledger_posting WHERE sequence = %s AND quantity > 0
"""


@pytest.mark.parametrize("is_own", [True, False], ids=["unit of the item alone", "unit of the dimension"])
@example(quantity=LARGEST, factor=(1, 1))
@example(quantity=LARGEST, factor=(10, 1))
@example(quantity=Decimal("0.000001"), factor=(1, 2))
@example(quantity=Decimal("12345678.900001"), factor=(999_999_999_989, 999_999_999_989))
@given(quantity=QUANTITIES, factor=FACTORS)
def test_I18_what_is_entered_converts_exactly_and_back(
    api: Client, *, is_own: bool, quantity: Decimal, factor: tuple[int, int]
) -> None:
    exact = Fraction(quantity) * Fraction(*factor)
    with undone():
        _make_unit(api, factor, is_own=is_own)
        line = {"item": "sku:SAND", "quantity": text_of(quantity), "unit": "load", "to_location": "loc:A1"}
        before = everything()
        answer = api.post("/ledger/transactions", {"kind": "receipt", "lines": [line]})
        if exact > Fraction(LARGEST) or (exact * 10**6).denominator != 1:
            assert refusal(answer) == (400, "inexact_quantity", [("#/lines/0/quantity", "inexact_quantity")])
            assert everything() == before
            return
        assert answer.status_code == 201
        (told,) = json_of(answer)["lines"]
        (balance,) = json_of(api.get("/ledger/balances"))["results"]
        assert Fraction(told["quantity"]) == Fraction(balance["on_hand"]) == exact
        assert (told["entered_quantity"], told["entered_unit"]) == (text_of(quantity), "load")
        ((stored, entered, num, den),) = rows(STORED, [json_of(answer)["sequence"]])
        assert Fraction(stored) / Fraction(num, den) == Fraction(quantity)
        assert (entered, Fraction(num, den)) == (quantity, Fraction(*factor))


def _make_unit(api: Client, factor: tuple[int, int], *, is_own: bool) -> None:
    """Make SAND, counted in heaps, and a load of it: so many heaps for this item alone, or of anything."""
    base = {"code": "heap", "name": "heap", "dimension": "heaps"}
    load = {"code": "load", "name": "load", "dimension": "loads" if is_own else "heaps"}
    own = {"factor_num": factor[0], "factor_den": factor[1]}
    answers = [
        api.post("/catalog/units", base),
        api.post("/catalog/units", load if is_own else {**load, **own}),
        api.post("/catalog/items", {"sku": "SAND", "name": "Sand", "base_unit": "heap"}),
    ]
    if is_own:
        answers.append(api.post("/catalog/items/sku:SAND/units", {"unit": "load", **own}))
    assert [answer.status_code for answer in answers] == [201] * len(answers), answers[-1].content
