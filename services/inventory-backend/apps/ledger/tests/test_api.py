"""The ledger through the API: exact answers, and refusals that change nothing."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.http import HttpResponse

from apps.ledger.tests.invariants import broken
from apps.ledger.tests.posting import everything, on_hand
from tests.client import Client
from tests.threads import at_once
from tests.world import PASSWORD, World

TRANSACTIONS = "/ledger/transactions"
type _Json = dict[str, Any]


def _json(answer: HttpResponse) -> _Json:
    found: _Json = msgspec.json.decode(answer.content)
    return found


def _codes(answer: HttpResponse) -> list[tuple[str, str]]:
    return [(problem["pointer"], problem["code"]) for problem in _json(answer)["errors"]]


def _line(quantity: str, *, item: str = "sku:BOLT", **more: str) -> _Json:
    return {"item": item, "quantity": quantity, **more}


def _receipt(quantity: str, *, at: str = "loc:A1") -> _Json:
    return {"kind": "receipt", "lines": [_line(quantity, to_location=at)]}


def _shipment(*quantities: str, at: str = "loc:A1") -> _Json:
    return {"kind": "shipment", "lines": [_line(quantity, from_location=at) for quantity in quantities]}


def test_a_transfer_answers_with_the_levels_of_both_sides(api: Client, world: World) -> None:
    assert api.post(TRANSACTIONS, _receipt("40")).status_code == 201
    body = {"kind": "transfer", "lines": [_line("12", from_location="loc:A1", to_location="loc:B1")]}
    answer = api.post(TRANSACTIONS, body)
    assert answer.status_code == 201
    (line,) = _json(answer)["lines"]
    levels = [(line[side]["on_hand"], line[side]["held"], line[side]["available"]) for side in ("from", "to")]
    assert levels == [("28", "0", "28"), ("12", "0", "12")]
    assert answer["Location"] == f"/api/v1/ledger/transactions/{_json(answer)['id']}"
    assert broken() == {}


def test_I18_a_case_is_its_exact_number_of_base_units(api: Client, world: World) -> None:
    line = _line("3", item="sku:COFFEE", to_location="loc:A1", lot="L1", unit="case")
    assert api.post(TRANSACTIONS, {"kind": "receipt", "lines": [line]}).status_code == 201
    assert on_hand(world, "A1", "COFFEE").normalize() == 37.5


@pytest.mark.parametrize("quantity", ["0.5", "0", "-1", "1e3", "", "1.0000001", 5, None])
def test_a_quantity_that_is_none_is_refused(api: Client, quantity: object) -> None:
    before = everything()
    answer = api.post(TRANSACTIONS, {"kind": "receipt", "lines": [_line(quantity, to_location="loc:A1")]})  # type: ignore[arg-type]  # on purpose
    assert answer.status_code == 400
    assert [pointer for pointer, _ in _codes(answer)] == ["#/lines/0/quantity"]
    assert everything() == before


def test_50_short_lines_are_all_named(api: Client, world: World) -> None:
    api.post(TRANSACTIONS, _receipt("10"))
    before = everything()
    answer = api.post(TRANSACTIONS, _shipment(*["1"] * 50))
    assert answer.status_code == 409
    assert _json(answer)["code"] == "insufficient_stock"
    assert _codes(answer) == [(f"#/lines/{index}/quantity", "insufficient_stock") for index in range(50)]
    assert _json(answer)["errors"][0]["meta"] == {"needed": "50", "available": "10", "held": "0"}
    assert everything() == before


def test_expected_quantity_that_changed_is_refused(api: Client) -> None:
    api.post(TRANSACTIONS, _receipt("40"))
    before = everything()
    body = {"kind": "shipment", "lines": [_line("1", from_location="loc:A1", expected_quantity="39")]}
    answer = api.post(TRANSACTIONS, body)
    assert (answer.status_code, _json(answer)["code"]) == (409, "quantity_changed")
    assert everything() == before


def test_I22_reject_all_posts_all_or_nothing(api: Client, world: World) -> None:
    before = everything()
    items = [_receipt("10"), _shipment("11")]
    answer = api.post(f"{TRANSACTIONS}/batch", {"error_policy": "reject_all", "items": items})
    assert answer.status_code == 409
    assert _codes(answer) == [("#/items/1/lines/0/quantity", "insufficient_stock")]
    assert everything() == before
    answer = api.post(f"{TRANSACTIONS}/batch", {"error_policy": "reject_all", "items": [_shipment("4"), items[0]]})
    assert [result["status"] for result in _json(answer)["results"]] == [201, 201]
    assert on_hand(world, "A1") == 6


def test_I22_skip_failed_posts_what_can_be_posted_in_order(api: Client, world: World) -> None:
    items = [_shipment("1"), _receipt("10"), _shipment("7"), _shipment("7"), _shipment("3")]
    answer = api.post(f"{TRANSACTIONS}/batch", {"error_policy": "skip_failed", "items": items})
    assert answer.status_code == 207
    assert [result["status"] for result in _json(answer)["results"]] == [409, 201, 201, 409, 201]
    assert on_hand(world, "A1") == 0
    assert broken() == {}


def test_a_preview_stores_nothing(api: Client) -> None:
    before = everything()
    answer = api.post(f"{TRANSACTIONS}/preview", _receipt("10"))
    assert (answer.status_code, _json(answer)["is_postable"]) == (200, True)
    assert _json(answer)["lines"][0]["to"]["on_hand"] == "10"
    assert _json(api.post(f"{TRANSACTIONS}/preview", _shipment("10")))["is_postable"] is False
    assert everything() == before


def test_I11_a_reversal_restores_the_balance_and_happens_once(api: Client, world: World) -> None:
    path = f"{TRANSACTIONS}/{_json(api.post(TRANSACTIONS, _receipt('10')))['id']}/reverse"
    assert api.post(path, {"reason": "typed twice"}).status_code == 201
    assert on_hand(world, "A1") == 0
    api.post(TRANSACTIONS, _receipt("10"))
    before = everything()
    answer = api.post(path, {"reason": "again"})
    assert (answer.status_code, _json(answer)["code"]) == (409, "already_reversed")
    assert everything() == before


def test_I10_a_retry_is_answered_again_and_another_body_is_refused(api: Client, world: World) -> None:
    first = api.post(TRANSACTIONS, _receipt("10"), key="k1")
    again = api.post(TRANSACTIONS, _receipt("10"), key="k1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotency-Replayed"] == "true"
    before = everything()
    other = api.post(TRANSACTIONS, _receipt("11"), key="k1")
    assert (other.status_code, _json(other)["code"]) == (422, "idempotency_key_reused")
    assert everything() == before


@pytest.mark.usefixtures("committed_db")
def test_I10_the_same_key_20_times_at_once_posts_once(world: World) -> None:
    ada = Client.signed_in("ada", PASSWORD)
    answers = at_once(20, lambda _: ada.post(TRANSACTIONS, _receipt("10"), key="k"))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert on_hand(world, "A1") == 10


@pytest.mark.usefixtures("committed_db")
def test_I5_400_removals_by_8_clients_over_http(world: World) -> None:
    ada = Client.signed_in("ada", PASSWORD)
    ada.post(TRANSACTIONS, _receipt("100"))
    answers = [
        answer
        for one in at_once(8, lambda _: [ada.post(TRANSACTIONS, _shipment("1")) for _ in range(50)])
        for answer in one
    ]
    told = [(answer.status_code, _json(answer).get("code")) for answer in answers]
    assert (told.count((201, None)), told.count((409, "insufficient_stock"))) == (100, 300)
    assert on_hand(world, "A1") == 0
    assert _json(ada.get("/ledger/integrity"))["is_clean"] is True


def test_I20_a_manager_of_warehouse_A_neither_sees_nor_moves_stock_of_B(
    api: Client, as_user: Callable[[str], Client], world: World
) -> None:
    alan = as_user("alan")
    api.post(TRANSACTIONS, _receipt("10", at="loc:A1"))
    hidden = api.post(TRANSACTIONS, _receipt("10", at="loc:B1"))
    before = everything()
    for body in (_receipt("1", at="loc:B1"), _shipment("1", at="loc:B1")):
        assert alan.post(TRANSACTIONS, body).status_code in {400, 404}
    assert alan.post(f"{TRANSACTIONS}/{_json(hidden)['id']}/reverse", {"reason": "no"}).status_code == 404
    assert everything() == before
    assert alan.get(f"{TRANSACTIONS}/{_json(hidden)['id']}").status_code == 404
    seen = [row["location"]["code"] for row in _json(alan.get("/ledger/balances"))["results"]]
    assert seen == ["A1"]
    assert len(_json(api.get("/ledger/balances"))["results"]) == 2
    assert len(_json(alan.get(TRANSACTIONS))["results"]) == 1
    assert alan.post(TRANSACTIONS, _shipment("1", at="loc:A1")).status_code == 201


def test_a_viewer_may_not_post(as_user: Callable[[str], Client]) -> None:
    before = everything()
    answer = as_user("vera").post(TRANSACTIONS, _receipt("1"))
    assert (answer.status_code, _json(answer)["code"]) == (403, "permission_denied")
    assert everything() == before


def test_I21_a_closed_period_refuses_and_says_so(api: Client) -> None:
    period = {"closed_until": "2026-01-31T23:59:59Z", "reason": "January"}
    assert api.post("/ledger/periods", period).status_code == 201
    before = everything()
    answer = api.post(TRANSACTIONS, _receipt("1") | {"effective_at": "2026-01-15T00:00:00Z"})
    assert (answer.status_code, _json(answer)["code"]) == (409, "period_closed")
    assert everything() == before


@pytest.mark.usefixtures("committed_db")  # what is not committed is not known
def test_I13_as_of_and_known_at_tell_the_past(world: World) -> None:
    api = Client.signed_in("ada", PASSWORD)
    early = _receipt("10") | {"effective_at": "2026-03-01T00:00:00Z"}
    first = _json(api.post(TRANSACTIONS, early))
    api.post(TRANSACTIONS, _receipt("5"))
    (now,) = _json(api.get("/ledger/balances"))["results"]
    (then,) = _json(api.get("/ledger/balances", as_of="2026-03-02T00:00:00Z"))["results"]
    (known,) = _json(api.get("/ledger/balances", known_at=first["recorded_at"]))["results"]
    assert (now["on_hand"], then["on_hand"], known["on_hand"]) == ("15", "10", "10")


def test_I9_ledger_rows_are_read_only_over_http(api: Client) -> None:
    path = f"{TRANSACTIONS}/{_json(api.post(TRANSACTIONS, _receipt('1')))['id']}"
    before = everything()
    assert [api.patch(path, {}).status_code, api.delete(path).status_code] == [405, 405]
    assert everything() == before
