"""I20 over HTTP: no answer and no write crosses the caller's locations, whatever was posted and whatever is tried."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common.quantities import text_of
from apps.identity.models import User
from apps.ledger.tests.bodies import PHYSICAL, Body, bodies, histories
from apps.ledger.tests.posting import everything
from apps.ledger.tests.test_properties import undone
from rbac.django.actions import bind
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import PASSWORD, World

TRANSACTIONS = "/ledger/transactions"
# What lies in each location of the world that somebody can be bound to.
INSIDE = {"A": {"A1", "A2", "LAX"}, "B": {"B1"}, "A1": {"A1"}, "A2": {"A2"}, "B1": {"B1"}}
# One transaction that everybody sees another part of: LAX may go below zero, so that it is always posted.
CROSSING: Body = {
    "kind": "transfer",
    "lines": [
        {"item": "sku:BOLT", "quantity": "2", "from_location": "loc:LAX", "to_location": f"loc:{place}"}
        for place in ("A1", "A2", "B1")
    ],
}
PLACES = st.sets(st.sampled_from(sorted(INSIDE)), min_size=1, max_size=2)

type _Row = dict[str, Any]


@pytest.fixture
def mona(world: World) -> Client:
    """A client of somebody who is bound to no location yet."""
    user = User(username="mona", name="Mona")
    user.set_password(PASSWORD)
    user.save(force_insert=True)
    world.users["mona"] = user.pk
    return Client.signed_in("mona", PASSWORD)


def _bind(world: World, places: set[str]) -> set[str]:
    """Make her a warehouse manager of these places; return the codes of all that lies in them."""
    for place in places:
        bind(user_id=world.users["mona"], role_code="warehouse-manager", location_id=world.locations[place])
    return set().union(*(INSIDE[place] for place in places))


def _all(client: Client, path: str, **query: str) -> list[_Row]:
    """Return all rows of a list, and check that its exact count is theirs."""
    answer = json_of(client.get(path, limit=200, **query))
    rows: list[_Row] = answer["results"]
    assert answer["next"] is None
    assert answer.get("count", len(rows)) == len(rows)
    return rows


@settings(max_examples=15)  # an example is thirty requests
@given(history=histories(min_size=2, max_size=5), places=PLACES, asked=st.sampled_from(PHYSICAL))
def test_I20_every_list_is_the_administrators_kept_to_the_callers_locations(
    api: Client, mona: Client, world: World, history: list[Body], places: set[str], asked: str
) -> None:
    with undone():
        mine = _bind(world, places)
        for body in (CROSSING, *history):
            api.post(TRANSACTIONS, body)
        for query in ({}, {"as_of": "2999-01-01T00:00:00Z"}, {"location": f"loc:{asked}"}):
            balances = [row for row in _all(api, "/ledger/balances", **query) if row["location"]["code"] in mine]
            assert _all(mona, "/ledger/balances", **query, count="exact") == balances
        postings = [row for row in _all(api, "/ledger/postings") if row["location"]["code"] in mine]
        assert _all(mona, "/ledger/postings", count="exact") == postings
        seen = [told for row in _all(api, TRANSACTIONS) if (told := _kept(row, mine))["lines"]]
        assert _all(mona, TRANSACTIONS, count="exact") == seen
        for by in ("item", "location", "lot", "status"):
            for as_of in ({}, {"as_of": "2999-01-01T00:00:00Z"}):
                assert _levels(mona, by=by, **as_of) == _sums(_all(api, "/ledger/balances"), mine, by)
        for row in _all(api, TRANSACTIONS):
            answer = mona.get(f"{TRANSACTIONS}/{row['id']}")
            told = _kept(row, mine)
            assert answer.status_code == (200 if told["lines"] else 404)
            assert not told["lines"] or json_of(answer) == told


@given(history=histories(min_size=1, max_size=3), places=PLACES, tried=bodies())
def test_I20_no_write_touches_another_location(
    api: Client, mona: Client, world: World, history: list[Body], places: set[str], tried: Body
) -> None:
    with undone():
        mine = _bind(world, places)
        posted = [
            answer for body in (CROSSING, *history) if (answer := api.post(TRANSACTIONS, body)).status_code == 201
        ]
        before = everything()
        foreign = [
            (f"#/lines/{index}/{side}", "unknown_location")
            for index, line in enumerate(tried["lines"])
            if (side := _first_foreign(line, mine))
        ]
        if foreign:
            # The words are those for a place that does not exist.
            for path in ("", "/preview"):
                assert refusal(mona.post(TRANSACTIONS + path, tried)) == (400, "unknown_location", foreign)
            for policy, status in (("reject_all", 400), ("skip_failed", 207)):
                batch = {"error_policy": policy, "items": [tried]}
                assert mona.post(f"{TRANSACTIONS}/batch", batch).status_code == status
        for answer in posted:
            if not _places_of(json_of(answer)) <= mine:
                path = f"{TRANSACTIONS}/{json_of(answer)['id']}/reverse"
                assert refusal(mona.post(path, {"reason": "not mine"})) == (404, "not_found", [])
        assert everything() == before
        if not foreign:
            with undone():
                administrators = api.post(TRANSACTIONS, tried).status_code
            assert mona.post(TRANSACTIONS, tried).status_code == administrators


@pytest.mark.parametrize("path", ["/ledger/balances", "/ledger/postings", "/ledger/levels"])
def test_I20_a_foreign_location_does_not_exist_as_a_filter(mona: Client, world: World, path: str) -> None:
    _bind(world, {"A1"})
    for place in ("B", "A", "NOWHERE"):
        answer = mona.get(path, location__under=f"loc:{place}")
        assert refusal(answer) == (400, "unknown_location", [("?location__under", "unknown_location")])


def test_I20_the_books_of_all_are_not_closed_by_an_administrator_of_one_warehouse(mona: Client, world: World) -> None:
    bind(user_id=world.users["mona"], role_code="administrator", location_id=world.locations["A"])
    before = everything()
    period = {"closed_until": "2026-01-31T23:59:59Z", "reason": "January"}
    assert mona.post("/ledger/periods", period).status_code in {403, 404}
    assert everything() == before


def test_I20_the_trial_balance_of_all_is_not_for_an_administrator_of_one_warehouse(mona: Client, world: World) -> None:
    bind(user_id=world.users["mona"], role_code="administrator", location_id=world.locations["A"])
    assert refusal(mona.get("/ledger/integrity")) == (404, "not_found", [])


def _kept(row: _Row, mine: set[str]) -> _Row:
    """Return a transaction as who works in `mine` may see it: other sides hidden, lines wholly elsewhere left out."""
    lines = [
        {**line, "from": _side(line["from"], mine), "to": _side(line["to"], mine)}
        for line in row["lines"]
        if {line["from"]["location"]["code"], line["to"]["location"]["code"]} & mine
    ]
    return {**row, "lines": lines}


def _side(side: _Row, mine: set[str]) -> _Row:
    is_hidden = side["location"]["code"] in set(PHYSICAL) - mine
    return {"location": None, "status": side["status"]} if is_hidden else side


def _levels(client: Client, **query: str) -> dict[tuple[str, str], str]:
    return {(row["code"], row["unit"]): row["on_hand"] for row in _all(client, "/ledger/levels", **query)}


def _sums(balances: list[_Row], mine: set[str], by: str) -> dict[tuple[str, str], str]:
    """Return the sums of those balances that lie in `mine`."""
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in balances:
        for code in _codes(row, by) if row["location"]["code"] in mine else ():
            sums[code, row["unit"]] += Decimal(row["on_hand"])
    return {key: text_of(quantity) for key, quantity in sums.items()}


def _codes(row: _Row, by: str) -> Iterator[str]:
    code = row[by]["code"] if by in {"item", "location"} else row[by]
    if code is not None:
        yield code


def _first_foreign(line: Body, mine: set[str]) -> str | None:
    sides = [side for side in ("from_location", "to_location") if side in line]
    return next((side for side in sides if line[side].removeprefix("loc:") not in mine), None)


def _places_of(transaction: _Row) -> set[str]:
    codes = {line[side]["location"]["code"] for line in transaction["lines"] for side in ("from", "to")}
    return codes & set(PHYSICAL)
