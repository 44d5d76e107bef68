"""A request is what its operation declares: nothing that nobody reads, and nothing read as what it is not."""

from typing import Any

import msgspec
import pytest
from django.http import HttpResponse

from apps.catalog.models import Unit
from apps.ledger.models import Period, Transaction
from tests.client import Client

RECEIPT = {"kind": "receipt", "lines": [{"item": "sku:BOLT", "quantity": "5", "to_location": "loc:A1"}]}
POST = "/ledger/transactions"


def refusal(answer: HttpResponse) -> tuple[int, str, list[str]]:
    """Return the status, the code and what it points at."""
    body: dict[str, Any] = msgspec.json.decode(answer.content)
    return answer.status_code, body["code"], [problem["pointer"] for problem in body["errors"]]


def test_a_write_that_cannot_be_tried_refuses_to_be(api: Client) -> None:
    answer = api.post("/ledger/periods?validate_only=true", {"closed_until": "2026-01-01T00:00:00Z"})

    assert refusal(answer) == (400, "unknown_parameter", ["?validate_only"])
    assert Period.objects.count() == 0


def test_a_trial_posts_nothing_and_says_what_would_be(api: Client) -> None:
    answer = api.post(f"{POST}?validate_only=true", RECEIPT)

    assert (answer.status_code, msgspec.json.decode(answer.content)["is_postable"]) == (200, True)
    assert Transaction.objects.count() == 0


@pytest.mark.parametrize(
    ("key", "code"), [("", "idempotency_key_required"), ("k" * 201, "invalid"), ("schlüssel", "invalid")]
)
@pytest.mark.parametrize("query", ["", "?validate_only=true"])
def test_a_trial_needs_the_key_that_the_post_needs(api: Client, query: str, key: str, code: str) -> None:
    answer = api.post(POST + query, RECEIPT, headers={"Idempotency-Key": key})

    assert refusal(answer) == (400, code, ["Idempotency-Key"])
    assert Transaction.objects.count() == 0


@pytest.mark.parametrize("number", ["0.5", "1767225600"])
def test_a_number_is_no_time(api: Client, number: str) -> None:
    answer = api.get(POST, recorded_at__lt=number)

    assert refusal(answer) == (400, "invalid", ["?recorded_at__lt"])


def test_an_integer_may_be_spelled_with_a_fraction_of_zero(api: Client) -> None:
    tray = {"code": "tray", "name": "Tray", "dimension": "package"}

    assert api.post("/catalog/units", {**tray, "factor_num": 12.0}).status_code == 201
    assert Unit.objects.get(code="tray").factor_num == 12
    refused = api.post("/catalog/units", {**tray, "code": "tray2", "factor_num": 12.5})
    assert refusal(refused) == (400, "invalid", ["#/factor_num"])


def test_what_is_there_now_is_not_asked_of_the_past(api: Client) -> None:
    answer = api.get("/ledger/balances", nonzero="true", as_of="2026-01-01T00:00:00Z")

    assert refusal(answer) == (400, "only_at_present", ["?nonzero"])
