"""Lists: keyset pages, sorting, filters, fields and expansions."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from apps.catalog.models import Item
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import World

ITEMS = "/catalog/items"


@pytest.fixture
def seven(world: World) -> list[str]:
    """Return the SKUs of seven items in order; two share a name."""
    for number in range(4):
        Item.objects.create(sku=f"N{number}", name=f"Nut {number // 2}", base_unit_id=world.units["ea"])
    return ["BOLT", "COFFEE", "N0", "N1", "N2", "N3", "SCANNER"]


def page(api: Client, url: str) -> Any:
    parts = urlsplit(url)
    return json_of(api.get(parts.path.removeprefix("/api/v1"), **dict(parse_qsl(parts.query))))


def skus(body: Any) -> list[str]:
    return [row["sku"] for row in body["results"]]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("sku", [0, 1, 2, 3, 4, 5, 6]),
        ("-sku", [6, 5, 4, 3, 2, 1, 0]),
        ("name", [0, 1, 2, 3, 4, 5, 6]),
        ("-name,sku", [6, 4, 5, 2, 3, 1, 0]),
        ("-created_at", [5, 4, 3, 2, 6, 1, 0]),
    ],
)
def test_a_walk_forwards_and_back_sees_each_row_once(
    api: Client, seven: list[str], sort: str, order: list[int]
) -> None:
    wanted = [seven[number] for number in order]

    forwards = [page(api, f"/api/v1{ITEMS}?limit=3&sort={sort}")]
    while forwards[-1]["next"]:
        forwards.append(page(api, forwards[-1]["next"]))
    backwards = [forwards[-1]]
    while backwards[-1]["previous"]:
        backwards.append(page(api, backwards[-1]["previous"]))

    assert [skus(body) for body in forwards] == [wanted[:3], wanted[3:6], wanted[6:]]
    assert [skus(body) for body in backwards] == [wanted[6:], wanted[3:6], wanted[:3]]
    assert forwards[0]["previous"] is None


def test_a_row_added_behind_the_reader_does_not_shift_the_pages(api: Client, seven: list[str], world: World) -> None:
    first = page(api, f"/api/v1{ITEMS}?limit=3")
    Item.objects.create(sku="AAA", name="first", base_unit_id=world.units["ea"])

    assert skus(page(api, first["next"])) == seven[3:6]


def test_counts_on_request(api: Client, seven: list[str]) -> None:
    assert json_of(api.get(ITEMS, limit=3, count="exact"))["count"] == len(seven)
    assert isinstance(json_of(api.get(ITEMS, limit=3, count="estimate"))["count"], int)
    assert "count" not in json_of(api.get(ITEMS))


@pytest.mark.usefixtures("seven")
def test_a_cursor_serves_only_the_list_it_was_made_for(api: Client) -> None:
    query = dict(parse_qsl(urlsplit(json_of(api.get(ITEMS, limit=3))["next"]).query))
    cursor = query["cursor"]
    tampered = ("A" if cursor[0] != "A" else "B") + cursor[1:]

    answers = [
        api.get(ITEMS, cursor=tampered),
        api.get(ITEMS, cursor="x"),
        api.get(ITEMS, cursor=cursor, sort="-sku"),
        api.get(ITEMS, cursor=cursor, q="N"),
        api.get("/catalog/units", cursor=cursor),
    ]

    assert [refusal(answer) for answer in answers] == [(400, "invalid_cursor", [("?cursor", "invalid_cursor")])] * 5


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"sort": "price"}, ("?sort", "unknown_sort")),
        ({"sort": "base_unit__code"}, ("?sort", "unknown_sort")),
        ({"fields": "sku,secret"}, ("?fields", "unknown_parameter")),
        ({"expand": "owner"}, ("?expand", "unknown_parameter")),
        ({"expand": "base_unit.item"}, ("?expand", "unknown_parameter")),
        ({"limit": 0}, ("?limit", "invalid")),
        ({"limit": 201}, ("?limit", "invalid")),
        ({"limit": "x"}, ("?limit", "invalid")),
        ({"skuu": "BOLT"}, ("?skuu", "unknown_parameter")),
        ({"name__startswith": "B"}, ("?name__startswith", "unknown_parameter")),
        ({"q": "a\0b"}, ("?q", "invalid")),
        ({"tracking": "batch"}, ("?tracking/0", "invalid")),
        ({"archived": "yes"}, ("?archived", "invalid")),
        ({"base_unit": "furlong"}, ("?base_unit", "unknown_unit")),
    ],
)
@pytest.mark.usefixtures("world")
def test_an_unknown_or_malformed_parameter_is_named(
    api: Client, query: dict[str, Any], problem: tuple[str, str]
) -> None:
    assert refusal(api.get(ITEMS, **query)) == (400, problem[1], [problem])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"sku": ["BOLT", "N1"]}, ["BOLT", "N1"]),
        ({"q": "nu"}, ["N0", "N1", "N2", "N3"]),
        ({"q": "n3"}, ["N3"]),
        ({"q": "%"}, []),
        ({"tracking": ["lot", "serial"]}, ["COFFEE", "SCANNER"]),
        ({"name__icontains": "nut 1"}, ["N2", "N3"]),
        ({"base_unit": "kg"}, ["COFFEE"]),
        ({"base_unit": "unit:ea", "q": "scan"}, ["SCANNER"]),
    ],
)
@pytest.mark.usefixtures("seven")
def test_filters_narrow(api: Client, query: dict[str, Any], found: list[str]) -> None:
    assert skus(json_of(api.get(ITEMS, **query))) == found


@pytest.mark.usefixtures("world")
def test_fields_and_expand_shape_the_answer(api: Client, world: World) -> None:
    assert json_of(api.get(f"{ITEMS}/sku:BOLT", fields="sku,version")) == {"sku": "BOLT", "version": 1}
    unit = json_of(api.get("/catalog/units/unit:ea"))
    assert json_of(api.get(f"{ITEMS}/sku:BOLT", expand="base_unit", fields="base_unit")) == {"base_unit": unit}


@pytest.mark.parametrize("expand", ["item,item.base_unit", "item.base_unit,item", "item.base_unit"])
@pytest.mark.usefixtures("world")
def test_expansions_nest_in_any_order(api: Client, expand: str) -> None:
    item = json_of(api.get(f"{ITEMS}/sku:COFFEE", expand="base_unit"))

    lots = json_of(api.get("/catalog/lots", expand=expand))["results"]

    assert [lot["item"] for lot in lots] == [item, item]
