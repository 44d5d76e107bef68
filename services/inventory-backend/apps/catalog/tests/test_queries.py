"""What the ledger asks of the catalog, and with how many statements."""

from fractions import Fraction
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from apps.catalog import queries
from apps.catalog.actions import checked_gtin
from apps.catalog.models import Item, ItemRef, Lot
from apps.catalog.types import ItemFact, Tracking, UnitFact, factor_of
from apps.common.errors import Invalid
from tests.world import World


def unit(code: str, dimension: str, factor: Fraction) -> UnitFact:
    return UnitFact(id=uuid4(), code=code, dimension=dimension, factor=factor, is_whole=False)


def item(base: UnitFact, own: dict[str, Fraction]) -> ItemFact:
    return ItemFact(
        id=uuid4(), sku="X", name="X", tracking=Tracking.NONE, base_unit=base, own_factors=own, is_archived=False
    )


def test_finds_items_by_each_kind_of_selector_with_one_query_each(world: World) -> None:
    Item.objects.filter(sku="BOLT").update(gtin="04006381333931", archived_at="2026-01-01T00:00:00Z")
    ItemRef.objects.create(item_id=world.items["SCANNER"], system="erp", value="a:1")
    named = [
        "sku:BOLT",
        "gtin:4006381333931",
        "sku:COFFEE",
        str(world.items["COFFEE"]),
        "ext:erp:a:1",
        "ext:erp:a",
        "sku:NO",
    ]

    with CaptureQueriesContext(connection) as statements:
        found = queries.find_items(named)

    assert len(statements) == 4
    assert {selector: fact.sku for selector, fact in found.items()} == {
        "sku:BOLT": "BOLT",
        "gtin:4006381333931": "BOLT",
        "sku:COFFEE": "COFFEE",
        str(world.items["COFFEE"]): "COFFEE",
        "ext:erp:a:1": "SCANNER",
    }
    assert (found["sku:BOLT"].is_archived, found["sku:COFFEE"].is_archived) == (True, False)
    coffee = found["sku:COFFEE"]
    assert (coffee.tracking, coffee.base_unit.code, coffee.base_unit.factor) == (Tracking.LOT, "kg", Fraction(1000))
    assert coffee.own_factors == {"case": Fraction(25, 2)}


@pytest.mark.django_db
def test_asks_nothing_where_nothing_is_named() -> None:
    with CaptureQueriesContext(connection) as statements:
        answers = [queries.find_items([]), queries.units_by_code([]), queries.find_lots([]), queries.find_serials([])]

    assert (answers, len(statements)) == ([{}] * 4, 0)


def test_refuses_a_text_that_is_no_selector() -> None:
    with pytest.raises(Invalid, match="'BOLT' names no item"):
        queries.find_items(["BOLT"])


def test_finds_lots_and_serials_of_the_right_item(world: World) -> None:
    Lot.objects.filter(code="L2").update(archived_at="2026-01-01T00:00:00Z")
    coffee, scanner, bolt = (world.items[sku] for sku in ("COFFEE", "SCANNER", "BOLT"))

    with CaptureQueriesContext(connection) as statements:
        lots = queries.find_lots([(coffee, "L1"), (coffee, "L2"), (bolt, "L1"), (coffee, "L9")])
        serials = queries.find_serials([(scanner, "S1"), (coffee, "S1")])

    assert len(statements) == 2
    assert lots == {(coffee, "L1"): (world.lots["L1"], False), (coffee, "L2"): (world.lots["L2"], True)}
    assert serials == {(scanner, "S1"): (world.serials["S1"], False)}


@pytest.mark.django_db
def test_finds_units_by_code() -> None:
    found = queries.units_by_code(["kg", "lb", "no"])

    assert {code: fact.factor for code, fact in found.items()} == {"kg": 1000, "lb": Fraction("453.59237")}


def test_a_factor_is_the_items_own_then_the_dimensions() -> None:
    kg, lb, case, sack = (
        unit(code, dimension, Fraction(factor))
        for code, dimension, factor in (
            ("kg", "mass", "1000"),
            ("lb", "mass", "453.59237"),
            ("case", "package", "1"),
            ("sack", "mass", "50000"),
        )
    )
    coffee = item(kg, {"case": Fraction(25, 2), "sack": Fraction(69)})

    assert [factor_of(coffee, each) for each in (kg, lb, case, sack)] == [
        1,
        Fraction("0.45359237"),
        Fraction(25, 2),
        69,
    ]
    assert factor_of(item(kg, {}), case) is None


@given(st.fractions(min_value=Fraction(1, 10**6)), st.fractions(min_value=Fraction(1, 10**6)))
def test_converting_there_and_back_is_the_identity(one: Fraction, other: Fraction) -> None:
    first, second = unit("a", "mass", one), unit("b", "mass", other)

    there, back = factor_of(item(first, {}), second), factor_of(item(second, {}), first)

    assert there is not None
    assert back is not None
    assert there * back == 1


@pytest.mark.parametrize(
    ("text", "stored"),
    # GS1 General Specifications, figures of GTIN-8, -12, -13 and -14.
    [
        ("96385074", "00000096385074"),
        ("614141000036", "00614141000036"),
        ("4006381333931", "04006381333931"),
        ("10614141000415", "10614141000415"),
    ],
)
def test_a_gtin_is_kept_with_fourteen_digits(text: str, stored: str) -> None:
    assert checked_gtin(text) == stored


@given(st.sampled_from([7, 11, 12, 13]).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)))
def test_of_ten_check_digits_one_is_right(body: str) -> None:
    accepted = []
    for digit in "0123456789":
        try:
            accepted.append(checked_gtin(body + digit))
        except Invalid:
            continue

    assert len(accepted) == 1
