"""Units, through the API."""

from typing import Any

import pytest

from apps.catalog.models import Unit
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import World

UNITS = "/catalog/units"
# NIST SP 811, appendix B.8: a stone is 14 pounds, in grams.
STONE = {"code": "stone", "name": "stone", "dimension": "mass", "factor_num": 317514659, "factor_den": 50000}


@pytest.mark.usefixtures("world")
def test_a_unit_is_created_with_an_exact_factor(api: Client) -> None:
    answer = api.post(UNITS, STONE)

    body = json_of(answer)
    assert answer.status_code == 201
    assert (body["factor_num"], body["factor_den"], body["is_whole"]) == (317514659, 50000, False)
    assert json_of(api.get(f"{UNITS}/unit:stone")) == body
    lengths = json_of(api.get(UNITS, dimension="length"))["results"]
    assert [row["code"] for row in lengths] == ["cm", "ft", "in", "m", "mm"]


@pytest.mark.parametrize(
    ("changed", "status", "code", "problems"),
    [
        ({"code": "kg"}, 409, "duplicate", []),
        ({"factor_num": 0}, 400, "invalid", [("#/factor_num", "invalid")]),
        ({"factor_den": 10**12 + 1}, 400, "invalid", [("#/factor_den", "invalid")]),
        ({"factor_num": "1"}, 400, "invalid", [("#/factor_num", "invalid")]),
        ({"code": "k:g"}, 400, "invalid", [("#/code", "invalid")]),
        ({"factor": 1}, 400, "unknown_parameter", [("#/factor", "unknown_parameter")]),
    ],
)
@pytest.mark.usefixtures("world")
def test_a_refused_unit_leaves_nothing(
    api: Client, changed: dict[str, Any], status: int, code: str, problems: list[tuple[str, str]]
) -> None:
    before = Unit.objects.count()

    assert refusal(api.post(UNITS, STONE | changed)) == (status, code, problems)
    assert Unit.objects.count() == before


@pytest.mark.parametrize("patch", [{"factor_num": 2}, {"factor_den": 2}, {"dimension": "mass"}, {"is_whole": False}])
@pytest.mark.usefixtures("world")
def test_what_quantities_are_converted_by_is_fixed(api: Client, patch: dict[str, object]) -> None:
    (field,) = patch

    answer = api.patch(f"{UNITS}/unit:ea", patch | {"name": "piece"}, version=1)

    assert refusal(answer) == (409, "immutable_field", [(f"#/{field}", "immutable_field")])
    assert Unit.objects.filter(code="ea", name="each", version=1).exists()


@pytest.mark.usefixtures("world")
def test_a_unit_in_use_is_kept_and_another_is_deleted(api: Client) -> None:
    assert refusal(api.delete(f"{UNITS}/unit:kg", version=1))[:2] == (409, "in_use")
    assert refusal(api.delete(f"{UNITS}/unit:case", version=1))[:2] == (409, "in_use")
    assert api.delete(f"{UNITS}/unit:h", version=1).status_code == 204
    kept = Unit.objects.filter(code__in=["kg", "case", "h"]).values_list("code", flat=True)
    assert set(kept) == {"kg", "case"}


@pytest.mark.parametrize(("path", "code"), [("lots", "L1"), ("serials", "S1")])
def test_the_item_of_a_lot_or_serial_is_fixed(world: World, api: Client, path: str, code: str) -> None:
    one = f"/catalog/{path}/{(world.lots | world.serials)[code]}"

    answer = api.patch(one, {"item": "sku:BOLT", "code": "X"}, version=1)

    assert refusal(answer) == (409, "immutable_field", [("#/item", "immutable_field")])
    assert json_of(api.get(one))["code"] == code
    assert json_of(api.patch(one, {"code": "X"}, version=1))["code"] == "X"


@pytest.mark.usefixtures("world")
def test_a_system_that_is_named_twice_is_refused_not_overwritten(api: Client) -> None:
    refs = [{"system": "erp", "id": "1"}, {"system": "wms", "id": "1"}, {"system": "erp", "id": "2"}]
    problem = (400, "repeated_system", [("#/external_refs/2/system", "repeated_system")])

    nut = api.post("/catalog/items", {"sku": "NUT", "name": "Nut", "base_unit": "ea", "external_refs": refs})
    bolt = api.patch("/catalog/items/sku:BOLT", {"external_refs": refs}, version=1)

    assert [refusal(answer) for answer in (nut, bolt)] == [problem] * 2
    assert api.get("/catalog/items/ext:erp:1").status_code == api.get("/catalog/items/ext:erp:2").status_code == 404
    assert json_of(api.get("/catalog/items/sku:BOLT"))["version"] == 1
