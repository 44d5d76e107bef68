"""I22 over HTTP: what a batch says of each item is what became of it."""

import pytest
from hypothesis import given

from apps.common.db import rows
from apps.ledger.tests.bodies import Body, histories
from apps.ledger.tests.posting import everything
from apps.ledger.tests.test_properties import undone
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import World

TRANSACTIONS = "/ledger/transactions"
LEVELS = "SELECT id, on_hand, version FROM ledger_balance WHERE version > 0 ORDER BY id"
SERIAL = {"item": "sku:SCANNER", "quantity": "1", "serial": "S1"}
ARRIVES = {**SERIAL, "to_location": "loc:A1"}
ARRIVES_ELSEWHERE = {**SERIAL, "to_location": "loc:B1"}


def _receipt(*lines: Body) -> Body:
    return {"kind": "receipt", "lines": list(lines)}


@given(history=histories(min_size=2, max_size=5))
def test_I22_a_batch_that_skips_answers_as_posts_one_after_the_other(api: Client, history: list[Body]) -> None:
    with undone():
        single = [api.post(TRANSACTIONS, body).status_code for body in history]
        levels = rows(LEVELS, [])
    with undone():
        answer = api.post(f"{TRANSACTIONS}/batch", {"error_policy": "skip_failed", "items": history})
        results = json_of(answer)["results"]
        assert [result["status"] == 201 for result in results] == [status == 201 for status in single]
        assert rows(LEVELS, []) == levels
        told = [(result["id"], result["sequence"]) for result in results if result["status"] == 201]
        assert rows("SELECT id::text, sequence FROM ledger_transaction ORDER BY sequence", []) == told


def test_I12_of_two_items_of_a_batch_that_receive_a_serial_the_first_is_posted(api: Client, world: World) -> None:
    items = [_receipt(ARRIVES), _receipt(ARRIVES_ELSEWHERE)]
    answer = api.post(f"{TRANSACTIONS}/batch", {"error_policy": "skip_failed", "items": items})
    first, second = json_of(answer)["results"]
    assert (first["status"], second["status"]) == (201, 409)
    assert [(error["pointer"], error["code"]) for error in second["errors"]] == [
        ("/lines/0/serial", "serial_elsewhere")
    ]
    assert rows("SELECT id::text FROM ledger_transaction", []) == [(first["id"],)]
    assert rows("SELECT object_id FROM audit_event WHERE action = 'stock.posted'", []) == [(first["id"],)]


@pytest.mark.parametrize("second", [ARRIVES, ARRIVES_ELSEWHERE], ids=["same place", "elsewhere"])
@pytest.mark.parametrize("path", ["", "/preview"], ids=["post", "preview"])
def test_I12_a_serial_that_arrives_twice_in_one_transaction_is_named(api: Client, second: Body, path: str) -> None:
    before = everything()
    answer = api.post(TRANSACTIONS + path, _receipt(ARRIVES, second))
    if path:
        assert answer.status_code == 200
        told = {(error["pointer"], error["code"]) for error in json_of(answer)["errors"]}
    else:
        status, code, problems = refusal(answer)
        assert (status, code) == (409, "serial_elsewhere")
        told = set(problems)
    assert told
    assert told <= {("#/lines/0/serial", "serial_elsewhere"), ("#/lines/1/serial", "serial_elsewhere")}
    assert everything() == before
