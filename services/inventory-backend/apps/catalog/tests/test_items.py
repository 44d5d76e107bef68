"""Items and units, and what every single resource of reference data does."""

from typing import Any

import pytest
from django.http import HttpResponse

from apps.catalog.models import Item, ItemUnit, Unit
from audit.django.models import AuditEvent
from tests.answers import json_of
from tests.client import Client
from tests.world import World

ITEMS = "/catalog/items"


def skus(answer: HttpResponse) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["sku"] for row in json_of(answer)["results"]]


def refused(answer: HttpResponse) -> tuple[int, list[tuple[str, str]]]:
    return answer.status_code, [(problem["pointer"], problem["code"]) for problem in json_of(answer)["errors"]]


def test_an_item_is_created_with_its_bare_unit_code(api: Client, world: World) -> None:
    answer = api.post(
        ITEMS,
        {
            "sku": "TEA",
            "name": "Tea",
            "base_unit": "kg",
            "gtin": "4006381333931",
            "external_refs": [{"system": "erp", "id": "77"}],
        },
    )

    body = json_of(answer)
    assert (answer.status_code, answer["ETag"]) == (201, '"v1"')
    assert answer["Location"] == f"/api/v1/catalog/items/{body['id']}"
    assert body | {"created_at": "", "updated_at": ""} == {
        "id": str(Item.objects.get(sku="TEA").pk),
        "sku": "TEA",
        "name": "Tea",
        "description": "",
        "gtin": "04006381333931",
        "tracking": "none",
        "base_unit": {"id": str(world.units["kg"]), "code": "kg", "name": "kilogram"},
        "external_refs": [{"system": "erp", "id": "77"}],
        "version": 1,
        "created_at": "",
        "updated_at": "",
        "archived_at": None,
    }
    event = AuditEvent.objects.get(action="item.created")
    assert (event.object_id, event.actor_id) == (body["id"], world.users["ada"])
    for selector in ("sku:TEA", "gtin:4006381333931", "gtin:04006381333931", "ext:erp:77", body["id"]):
        assert json_of(api.get(f"{ITEMS}/{selector}"))["id"] == body["id"]


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"gtin": "4006381333930"}, "#/gtin", "invalid_gtin"),
        ({"gtin": "123456789"}, "#/gtin", "invalid"),
        ({"base_unit": "stone"}, "#/base_unit", "unknown_unit"),
        ({"base_unit": "kg", "tracking": "serial"}, "#/base_unit", "not_whole"),
        ({"tracking": "batch"}, "#/tracking", "invalid"),
        ({"name": "T\0ea"}, "#/name", "invalid"),
        ({"naem": "Tea"}, "#/naem", "unknown_parameter"),
        ({"sku": ""}, "#/sku", "invalid"),
    ],
)
def test_a_wrong_item_is_refused_where_it_is_wrong(
    api: Client, change: dict[str, str], pointer: str, code: str
) -> None:
    before = Item.objects.count()

    answer = api.post(ITEMS, {"sku": "TEA", "name": "Tea", "base_unit": "ea"} | change)

    assert refused(answer) == (400, [(pointer, code)])
    assert Item.objects.count() == before


def test_a_taken_sku_is_a_conflict(api: Client) -> None:
    before = Item.objects.count()

    answer = api.post(ITEMS, {"sku": "BOLT", "name": "Another", "base_unit": "ea"})

    assert (answer.status_code, json_of(answer)["code"], Item.objects.count()) == (409, "duplicate", before)


def test_validate_only_stores_nothing(api: Client) -> None:
    before = Item.objects.count()

    answer = api.post(f"{ITEMS}?validate_only=true", {"sku": "TEA", "name": "Tea", "base_unit": "ea"})

    assert (answer.status_code, json_of(answer), Item.objects.count()) == (200, {"valid": True}, before)


def test_a_change_needs_the_version_it_was_decided_on(api: Client) -> None:
    assert api.patch(f"{ITEMS}/sku:BOLT", {"name": "B"}).status_code == 428
    assert api.patch(f"{ITEMS}/sku:BOLT", {"name": "B"}, version=2).status_code == 412
    assert Item.objects.get(sku="BOLT").name == "Bolt"

    answer = api.patch(f"{ITEMS}/sku:BOLT", {"name": "B", "description": "M8"}, version=1)

    assert (answer.status_code, answer["ETag"], json_of(answer)["description"]) == (200, '"v2"', "M8")
    event = AuditEvent.objects.get(action="item.changed")
    assert event.before is not None
    assert event.after is not None
    assert (event.before["name"], event.after["name"]) == ("Bolt", "B")


@pytest.mark.parametrize("change", [{"tracking": "lot"}, {"base_unit": "kg"}])
def test_what_stock_is_counted_by_is_fixed(api: Client, change: dict[str, str]) -> None:
    answer = api.patch(f"{ITEMS}/sku:BOLT", change | {"name": "B"}, version=1)

    (name,) = change
    assert (refused(answer), json_of(answer)["code"]) == ((409, [(f"#/{name}", "immutable_field")]), "immutable_field")
    assert Item.objects.get(sku="BOLT").name == "Bolt"


def test_naming_the_same_fixed_value_is_no_change(api: Client) -> None:
    same = {"tracking": "none", "base_unit": "unit:ea", "name": "B"}

    assert api.patch(f"{ITEMS}/sku:BOLT", same, version=1).status_code == 200


def test_null_clears_a_gtin(api: Client) -> None:
    api.patch(f"{ITEMS}/sku:BOLT", {"gtin": "4006381333931"}, version=1)

    answer = api.patch(f"{ITEMS}/sku:BOLT", {"gtin": None}, version=2)

    assert (answer.status_code, json_of(answer)["gtin"]) == (200, None)


def test_the_archived_are_hidden_and_come_back(api: Client) -> None:
    assert api.post(f"{ITEMS}/sku:BOLT/archive", {}).status_code == 200
    assert skus(api.get(ITEMS)) == ["COFFEE", "SCANNER"]
    assert skus(api.get(ITEMS, archived="only")) == ["BOLT"]
    assert skus(api.get(ITEMS, archived="any")) == ["BOLT", "COFFEE", "SCANNER"]

    assert api.post(f"{ITEMS}/sku:BOLT/restore", {}).status_code == 200
    assert skus(api.get(ITEMS)) == ["BOLT", "COFFEE", "SCANNER"]


def test_only_what_was_never_referenced_is_deleted(api: Client) -> None:
    answer = api.delete(f"{ITEMS}/sku:COFFEE", version=1)

    assert (answer.status_code, json_of(answer)["code"]) == (409, "in_use")
    assert api.delete(f"{ITEMS}/sku:BOLT", version=1).status_code == 204
    assert list(Item.objects.order_by("sku").values_list("sku", flat=True)) == ["COFFEE", "SCANNER"]


@pytest.mark.parametrize("selector", ["sku:NONE", "nonsense", "sku:A%00B", "00000000-0000-0000-0000-000000000000"])
def test_what_is_not_there_is_not_found(api: Client, selector: str) -> None:
    answer = api.get(f"{ITEMS}/{selector}")

    assert (answer.status_code, json_of(answer)["code"]) == (404, "not_found")


def test_a_viewer_reads_and_writes_nothing(as_user: Any) -> None:
    vera = as_user("vera")

    assert skus(vera.get(ITEMS)) == ["BOLT", "COFFEE", "SCANNER"]
    answers = [
        vera.post(ITEMS, {"sku": "TEA", "name": "Tea", "base_unit": "ea"}),
        vera.patch(f"{ITEMS}/sku:BOLT", {"name": "B"}, version=1),
        vera.delete(f"{ITEMS}/sku:BOLT", version=1),
        vera.post(f"{ITEMS}/sku:BOLT/archive", {}),
        vera.post(f"{ITEMS}/sku:BOLT/units", {"unit": "case", "factor_num": 9}),
        vera.delete(f"{ITEMS}/sku:COFFEE/units/case"),
    ]
    assert [answer.status_code for answer in answers] == [403] * len(answers)
    assert (Item.objects.filter(archived_at=None, version=1).count(), ItemUnit.objects.count()) == (3, 1)


def test_an_item_has_units_of_its_own(api: Client, world: World) -> None:
    answer = api.post(f"{ITEMS}/sku:BOLT/units", {"unit": "case", "factor_num": 24, "factor_den": 2})

    case = {"id": str(world.units["case"]), "code": "case", "name": "case"}
    expected = {"unit": case, "factor_num": 12, "factor_den": 1}
    assert (answer.status_code, json_of(answer)) == (201, expected)
    assert json_of(api.get(f"{ITEMS}/sku:BOLT/units"))["results"] == [expected]

    assert api.delete(f"{ITEMS}/sku:BOLT/units/case").status_code == 204
    assert json_of(api.get(f"{ITEMS}/sku:BOLT/units"))["results"] == []
    assert api.delete(f"{ITEMS}/sku:BOLT/units/case").status_code == 404
    events = AuditEvent.objects.order_by("seq").values_list("action", flat=True)
    assert list(events)[1:] == ["item.unit_added", "item.unit_removed"]


def test_a_unit_of_an_item_is_refused_twice_for_its_base_and_without_a_factor(api: Client) -> None:
    url = f"{ITEMS}/sku:COFFEE/units"

    assert json_of(api.post(url, {"unit": "case", "factor_num": 10}))["code"] == "duplicate"
    assert json_of(api.post(url, {"unit": "kg", "factor_num": 10}))["code"] == "conflict"
    assert refused(api.post(url, {"unit": "pair", "factor_num": 0})) == (400, [("#/factor_num", "invalid")])
    assert refused(api.post(url, {"unit": "pair", "factor_num": 10**12 + 1})) == (400, [("#/factor_num", "invalid")])
    assert list(ItemUnit.objects.values_list("num", "den")) == [(25, 2)]


def test_a_unit_keeps_its_factor(api: Client, world: World) -> None:
    made = json_of(
        api.post(
            "/catalog/units",
            {"code": "st", "name": "stone", "dimension": "mass", "factor_num": 635029318, "factor_den": 100000},
        )
    )
    answer = api.patch("/catalog/units/unit:st", {"factor_num": 1, "name": "Stone"}, version=1)

    assert (made["factor_num"], made["factor_den"]) == (317514659, 50000)
    assert refused(answer) == (409, [("#/factor_num", "immutable_field")])
    unit = Unit.objects.get(code="st")
    assert (unit.factor_num, unit.factor_den, unit.name, len(world.units)) == (317514659, 50000, "stone", 22)


def test_the_standard_units_are_exact(world: World) -> None:
    pounds = Unit.objects.get(code="lb")
    gallons = Unit.objects.get(pk=world.units["gal_us"])

    assert (pounds.factor_num, pounds.factor_den) == (45359237, 100000)
    assert gallons.factor_num / gallons.factor_den == 3785.411784
