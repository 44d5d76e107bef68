"""I13 over HTTP: what was there then and what was known then, across closed periods, by exact values.

These tests commit: what is not committed is not known yet.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common.quantities import text_of
from apps.ledger.tests.invariants import broken
from apps.ledger.tests.posting import everything
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import PASSWORD, World

pytestmark = pytest.mark.usefixtures("committed_db")
JANUARY, FEBRUARY = "2026-01-31T23:59:59.999999Z", "2026-02-28T23:59:59.999999Z"


def _post(api: Client, kind: str, quantity: str, at: str, **places: str) -> dict[str, Any]:
    line = {"item": "sku:BOLT", "quantity": quantity, **{side: f"loc:{place}" for side, place in places.items()}}
    answer = api.post("/ledger/transactions", {"kind": kind, "effective_at": at, "lines": [line]})
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = json_of(answer)
    return told


def _close(api: Client, until: str) -> None:
    assert api.post("/ledger/periods", {"closed_until": until, "reason": "month end"}).status_code == 201


def _told(api: Client, item: str = "BOLT", **point: str) -> dict[str, str]:
    """Return what the lists of balances and of levels say alike was in each place that ever had some."""
    balances = json_of(api.get("/ledger/balances", item=f"sku:{item}", **point))["results"]
    told = {row["location"]["code"]: row["on_hand"] for row in balances}
    levels = json_of(api.get("/ledger/levels", by="location", item=f"sku:{item}", **point))["results"]
    assert {row["code"]: row["on_hand"] for row in levels} == told
    return told


def _january_and_february(api: Client) -> list[dict[str, Any]]:
    """Post 10 and 2 in January and close it; post 5 and, later, 3 that happened before and a transfer; close again."""
    posted = [
        _post(api, "receipt", "10", "2026-01-10T00:00:00Z", to_location="A1"),
        _post(api, "receipt", "2", JANUARY, to_location="A1"),
    ]
    _close(api, JANUARY)
    posted += [
        _post(api, "receipt", "5", "2026-02-10T00:00:00Z", to_location="A1"),
        _post(api, "receipt", "3", "2026-02-05T00:00:00Z", to_location="A1"),
        _post(api, "transfer", "4", "2026-02-01T00:00:00Z", from_location="A1", to_location="B1"),
    ]
    _close(api, FEBRUARY)
    posted.append(_post(api, "shipment", "6", "2026-03-03T00:00:00Z", from_location="A1"))
    return posted


def test_I13_as_of_is_exact_before_in_and_after_closed_periods(world: World) -> None:
    api = Client.signed_in("ada", PASSWORD)
    _january_and_february(api)
    expected = {
        "2026-01-09T23:59:59.999999Z": ("0", "0"),
        "2026-01-10T00:00:00Z": ("10", "0"),
        "2026-01-31T23:59:59.999998Z": ("10", "0"),
        JANUARY: ("12", "0"),
        "2026-02-01T00:00:00Z": ("8", "4"),
        "2026-02-05T00:00:00Z": ("11", "4"),
        "2026-02-10T00:00:00Z": ("16", "4"),
        FEBRUARY: ("16", "4"),
        "2026-03-02T23:59:59.999999Z": ("16", "4"),
        "2026-03-03T00:00:00Z": ("10", "4"),
    }
    assert {at: tuple(_told(api, as_of=at).values()) for at in expected} == expected
    assert _told(api) == {"A1": "10", "B1": "4"}


def test_I13_what_was_known_before_a_backdated_post_stays_without_it(world: World) -> None:
    api = Client.signed_in("ada", PASSWORD)
    posted = _january_and_february(api)
    at = {posting["sequence"]: posting["recorded_at"] for posting in posted}
    expected = {
        (0, FEBRUARY): ("0", "0"),
        (2, FEBRUARY): ("12", "0"),
        (2, "2026-01-31T23:59:59.999998Z"): ("10", "0"),
        (3, "2026-02-07T00:00:00Z"): ("12", "0"),
        (3, FEBRUARY): ("17", "0"),
        (4, "2026-02-07T00:00:00Z"): ("15", "0"),
        (4, FEBRUARY): ("20", "0"),
        (5, JANUARY): ("12", "0"),
        (5, "2026-02-07T00:00:00Z"): ("11", "4"),
        (6, FEBRUARY): ("16", "4"),
        (6, "2026-03-03T00:00:00Z"): ("10", "4"),
    }
    by_sequence = {(known, as_of): _told(api, known_at=str(known), as_of=as_of) for known, as_of in expected}
    assert {key: tuple(told.values()) for key, told in by_sequence.items()} == expected
    by_time = {(known, as_of): _told(api, known_at=at[known], as_of=as_of) for known, as_of in expected if known}
    assert by_time == {key: told for key, told in by_sequence.items() if key[0]}
    assert [_told(api, known_at=str(known))["A1"] for known in range(1, 7)] == ["10", "12", "17", "20", "16", "10"]


def test_I21_a_closed_period_stays_as_it_was_whoever_tries_to_open_it(world: World) -> None:
    api = Client.signed_in("ada", PASSWORD)
    _january_and_february(api)
    before = everything()
    for until in (JANUARY, "2026-01-15T00:00:00Z", FEBRUARY):
        again = api.post("/ledger/periods", {"closed_until": until, "reason": "open it again"})
        assert refusal(again) == (409, "period_not_closable", [("#/closed_until", "period_not_closable")])
    line = {"item": "sku:BOLT", "quantity": "1", "to_location": "loc:A1"}
    for at in ("2026-01-20T00:00:00Z", JANUARY, FEBRUARY):
        late = api.post("/ledger/transactions", {"kind": "receipt", "effective_at": at, "lines": [line]})
        assert refusal(late) == (409, "period_closed", [("#/effective_at", "period_closed")])
    assert everything() == before
    assert _told(api, as_of=FEBRUARY) == {"A1": "16", "B1": "4"}


# ---------------------------------------------------------------- any history

HOURS = st.integers(0, 12)
# (hour, from, to, quantity); LAX may go below zero, and A1 may not.
POSTS = st.tuples(HOURS, st.sampled_from([("SUPPLIER", "A1"), ("A1", "LAX"), ("LAX", "CUSTOMER")]), st.integers(1, 5))
STEPS = st.lists(st.one_of(POSTS, POSTS, POSTS, HOURS), min_size=2, max_size=8)
# (as of which hour, known to the how-manieth post); None is now.
QUESTIONS = st.lists(st.tuples(st.none() | HOURS, st.none() | st.integers(0, 6)), min_size=1, max_size=5)
KINDS = {("SUPPLIER", "A1"): "receipt", ("A1", "LAX"): "transfer", ("LAX", "CUSTOMER"): "shipment"}

type _Step = tuple[int, tuple[str, str], int] | int


@dataclass(kw_only=True)
class _History:
    """One item's postings in a stretch of time of its own, in the service and in a list of Python's.

    The ledger forgets nothing and periods are closed for all items, so each example comes later than the one before.
    """

    api: Client
    sku: str
    start: datetime
    closed: int = -1
    legs: list[tuple[int, int, str, int]] = field(default_factory=list)  # (hour, number of the post, place, quantity)
    posts: list[dict[str, Any]] = field(default_factory=list)

    def at(self, hour: int) -> str:
        return (self.start + timedelta(hours=hour)).isoformat()

    def take(self, step: _Step) -> None:
        """Post or close, as both sides understand it; refusals leave the list as it is."""
        if isinstance(step, int):
            answer = self.api.post("/ledger/periods", {"closed_until": self.at(step)})
            assert answer.status_code == (201 if step > self.closed else 409)
            self.closed = max(step, self.closed)
            return
        hour, (source, target), quantity = step
        sides = {"from_location": source, "to_location": target}
        line = {"item": f"sku:{self.sku}", "quantity": str(quantity)}
        line |= {side: f"loc:{place}" for side, place in sides.items() if place in {"A1", "LAX"}}
        body = {"kind": KINDS[source, target], "effective_at": self.at(hour), "lines": [line]}
        answer = self.api.post("/ledger/transactions", body)
        is_there = source != "A1" or self.sums(None, None).get("A1", 0) >= quantity
        assert answer.status_code == (201 if is_there and hour > self.closed else 409)
        if answer.status_code == 201:
            number = len(self.posts) + 1
            self.legs += [(hour, number, source, -quantity), (hour, number, target, quantity)]
            self.posts.append(json_of(answer))

    def sums(self, hour: int | None, number: int | None) -> dict[str, Decimal]:
        """Return what was in each real place, by addition."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for effective, posted, place, quantity in self.legs:
            is_meant = (hour is None or effective <= hour) and (number is None or posted <= number)
            if place in {"A1", "LAX"}:
                sums[place] += quantity if is_meant else 0
        return dict(sums)

    def check(self, questions: Sequence[tuple[int | None, int | None]]) -> None:
        for hour, number in questions:
            expected = {place: text_of(quantity) for place, quantity in self.sums(hour, number).items()}
            point = {} if hour is None else {"as_of": self.at(hour)}
            for known in self.known(number):
                assert _told(self.api, self.sku, **point, **known) == expected

    def known(self, number: int | None) -> list[dict[str, str]]:
        """Return the ways to ask for what was known after so many posts: by sequence, and by time."""
        if number is None or number > len(self.posts):
            return [{}]
        if number == 0:
            return [{"known_at": "0"}]
        post = self.posts[number - 1]
        return [{"known_at": str(post["sequence"])}, {"known_at": post["recorded_at"]}]


@settings(max_examples=15)  # an example is fifty requests
@given(steps=STEPS, questions=QUESTIONS, closing=HOURS)
def test_I13_any_past_is_the_sum_of_its_postings_with_and_without_snapshots(
    world: World, steps: list[_Step], questions: list[tuple[int | None, int | None]], closing: int
) -> None:
    api = Client.signed_in("ada", PASSWORD)
    count = json_of(api.get("/catalog/items", limit=1, count="exact"))["count"]
    history = _History(api=api, sku=f"NUT{count}", start=datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=count))
    new = {"sku": history.sku, "name": "Nut", "base_unit": "ea"}
    assert api.post("/catalog/items", new).status_code == 201
    for step in steps:
        history.take(step)
    # The instants of the postings themselves are where an interval is open or closed.
    asked = [*questions, *((hour, None) for hour in {hour for hour, *_ in history.legs})]
    history.check(asked)
    history.take(closing)
    history.check(asked)
    assert broken() == {}
