"""Lots and serial numbers."""

import pytest
from django.http import HttpResponse

from apps.catalog.models import Item, Lot, Serial
from tests.answers import json_of
from tests.client import Client
from tests.world import World

LOTS = "/catalog/lots"
SERIALS = "/catalog/serials"


def codes(answer: HttpResponse) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["code"] for row in json_of(answer)["results"]]


def test_a_lot_is_created_with_its_dates(api: Client, world: World) -> None:
    body = {"item": "sku:COFFEE", "code": "L3", "manufactured_date": "2026-01-01", "expiry_date": "2026-12-31"}

    answer = api.post(LOTS, body)

    lot = json_of(answer)
    assert answer.status_code == 201
    assert lot["item"] == {"id": str(world.items["COFFEE"]), "code": "COFFEE", "name": "Coffee"}
    assert (lot["code"], lot["manufactured_date"], lot["expiry_date"]) == ("L3", "2026-01-01", "2026-12-31")
    whole = json_of(api.get(f"{LOTS}/{lot['id']}", expand="item.base_unit"))
    assert (whole["item"]["tracking"], whole["item"]["base_unit"]["dimension"]) == ("lot", "mass")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (LOTS, {"item": "sku:BOLT", "code": "L3"}, 409, "not_tracked"),
        (LOTS, {"item": "sku:SCANNER", "code": "L3"}, 409, "not_tracked"),
        (LOTS, {"item": "sku:COFFEE", "code": "L1"}, 409, "duplicate"),
        (LOTS, {"item": "sku:NONE", "code": "L3"}, 400, "unknown_item"),
        (LOTS, {"item": "COFFEE", "code": "L3"}, 400, "unknown_selector"),
        (LOTS, {"item": "sku:COFFEE", "code": "L3", "expiry_date": "2026-02-30"}, 400, "invalid"),
        (
            LOTS,
            {"item": "sku:COFFEE", "code": "L3", "manufactured_date": "2026-02-02", "expiry_date": "2026-02-01"},
            400,
            "expires_before_made",
        ),
        (SERIALS, {"item": "sku:COFFEE", "code": "S9"}, 409, "not_tracked"),
        (SERIALS, {"item": "sku:SCANNER", "code": "S1"}, 409, "duplicate"),
    ],
)
def test_a_wrong_one_is_refused(api: Client, path: str, body: dict[str, str], status: int, code: str) -> None:
    answer = api.post(path, body)

    told = json_of(answer)
    assert (answer.status_code, told["errors"][0]["code"] if told["errors"] else told["code"]) == (status, code)
    assert (Lot.objects.count(), Serial.objects.count()) == (2, 3)


def test_an_archived_item_gets_no_lots(api: Client) -> None:
    Item.objects.filter(sku="COFFEE").update(archived_at="2026-01-01T00:00:00Z")

    answer = api.post(LOTS, {"item": "sku:COFFEE", "code": "L3"})

    assert (answer.status_code, json_of(answer)["code"], Lot.objects.count()) == (409, "archived", 2)


def test_a_change_is_checked_against_what_stays(api: Client, world: World) -> None:
    Lot.objects.filter(code="L1").update(manufactured_date="2026-02-02")
    url = f"{LOTS}/{world.lots['L1']}"

    early = api.patch(url, {"expiry_date": "2026-02-01"}, version=1)
    other_item = api.patch(url, {"item": "sku:BOLT"}, version=1)
    same_day = api.patch(url, {"expiry_date": "2026-02-02", "item": "sku:COFFEE"}, version=1)

    assert (early.status_code, json_of(early)["errors"][0]["pointer"]) == (400, "#/expiry_date")
    assert (other_item.status_code, json_of(other_item)["code"]) == (409, "immutable_field")
    assert (same_day.status_code, json_of(same_day)["expiry_date"]) == (200, "2026-02-02")


def test_lots_are_found_by_item_code_and_expiry(api: Client, world: World) -> None:
    Lot.objects.filter(code="L1").update(expiry_date="2026-06-01")

    assert codes(api.get(LOTS, item="sku:COFFEE", sort="-code")) == ["L2", "L1"]
    assert codes(api.get(LOTS, item="sku:BOLT")) == []
    assert codes(api.get(LOTS, code="L2")) == ["L2"]
    assert codes(api.get(LOTS, expiry_date__lt="2026-06-02")) == ["L1"]
    assert codes(api.get(LOTS, expiry_date__lt="2026-06-01")) == []
    assert codes(api.get(LOTS, expiry_date__gte="2026-06-01")) == ["L1"]
    assert codes(api.get(LOTS, expiry_date__isnull="true")) == ["L2"]
    assert codes(api.get(SERIALS, item=str(world.items["SCANNER"]))) == ["S1", "S2", "S3"]


def test_a_serial_number_is_created_corrected_and_deleted(api: Client) -> None:
    made = json_of(api.post(SERIALS, {"item": "sku:SCANNER", "code": "S9"}))

    answer = api.patch(f"{SERIALS}/{made['id']}", {"code": "S10"}, version=1)

    assert (answer.status_code, json_of(answer)["code"]) == (200, "S10")
    assert api.delete(f"{SERIALS}/{made['id']}", version=2).status_code == 204
    assert Serial.objects.count() == 3
