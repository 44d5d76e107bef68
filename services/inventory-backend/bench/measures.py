"""Each number: two or more loads in turn, and the ratio of their medians."""

import json
import os
import random
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import psycopg

from bench import by_hand, load
from bench.load import Call, Client
from bench.server import Site
from bench.stock import ITEMS

POSTS: Final = "/api/v1/ledger/transactions"
BATCHES: Final = f"{POSTS}/batch"
BALANCES: Final = "/api/v1/ledger/balances"
BATCH_LINES: Final = 1_000
SOURCE: Final = "BIN-000"
TARGET: Final = "BIN-001"
DEPTH: Final = 0.9
_POOL: Final = 500
_LARGEST_PAGE: Final = 200


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How often each load runs, and for how long."""

    repeats: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """A ratio of two rates, `ours / floor`; both in `unit`, medians of the repeats. Some have no target."""

    ours: float
    floor: float
    unit: str
    target: float | None

    @property
    def ratio(self) -> float:
        """Return how much of the floor's rate is ours."""
        return self.ours / self.floor

    @property
    def is_met(self) -> bool:
        """Tell whether the target, if any, is reached."""
        return self.target is None or self.ratio >= self.target


type Load = Callable[[float], float]  # from seconds to a rate


def in_turn(effort: Effort, **loads: Load) -> dict[str, float]:
    """Return the median rate of each load; they take turns, so that a busy machine slows them alike."""
    for run in loads.values():
        run(min(1.0, effort.seconds))
    rates: dict[str, list[float]] = {name: [] for name in loads}
    for _ in range(effort.repeats):
        for name, run in loads.items():
            rates[name].append(run(effort.seconds))
    return {name: median(values) for name, values in rates.items()}


def one_line_posts(site: Site, token: str, effort: Effort) -> dict[str, Result]:
    """(a) Transfers of one line, against a bare view that inserts one row."""
    bare = [_bare_insert(n) for n in range(_POOL)]
    medians = in_turn(effort, ours=_posts(site, token), floor=_any_of(site, bare))
    return {"one_line_post": Result(**medians, target=0.5, unit="requests/s")}


def batches(site: Site, token: str, url: str, effort: Effort) -> dict[str, Result]:
    """(b) 1,000 lines in one request, against one statement by the owner of the same tables.

    Both sides are one client on one connection: more of them would queue for the same balances.
    """
    whole = _batch([{"kind": "transfer", "lines": [_line(n) for n in range(BATCH_LINES)]}], token)
    single = _batch([{"kind": "transfer", "lines": [_line(n)]} for n in range(BATCH_LINES)], token)
    with psycopg.connect(url) as connection:
        arrays = by_hand.arrays_of(connection, source=SOURCE, target=TARGET, lines=BATCH_LINES)
        medians = in_turn(
            effort,
            whole=lambda seconds: load.rate(site.port, lambda: whole, seconds=seconds, clients=1),
            single=lambda seconds: load.rate(site.port, lambda: single, seconds=seconds, clients=1),
            floor=lambda seconds: by_hand.rate(connection, arrays, seconds=seconds),
        )
    whole_rate, single_rate, floor = (BATCH_LINES * medians[name] for name in ("whole", "single", "floor"))
    return {
        "batch_of_1000_lines": Result(ours=whole_rate, floor=floor, target=0.35, unit="lines/s"),
        "batch_of_1000_items": Result(ours=single_rate, floor=floor, target=None, unit="lines/s"),
    }


def pages(site: Site, token: str, effort: Effort, *, balances: int) -> dict[str, Result]:
    """(c) The first page of 50 balances against a bare view; (d) the one at 90 percent depth against it."""
    first = Call(method="GET", target=f"{BALANCES}?limit=50", token=token)
    deep = _page_after(site, token, rows=int(balances * DEPTH))
    bare = Call(method="GET", target="/bare/page")
    medians = in_turn(effort, bare=_any_of(site, [bare]), first=_any_of(site, [first]), deep=_any_of(site, [deep]))
    unit = "requests/s"
    return {
        "page_of_balances": Result(ours=medians["first"], floor=medians["bare"], target=0.5, unit=unit),
        "deep_page": Result(ours=medians["deep"], floor=medians["first"], target=0.8, unit=unit),
    }


def restricted_pages(site: Site, token: str, one: str, last: str, effort: Effort) -> dict[str, Result]:
    """(g) The first page of 50 balances for who sees one site of 25, against who sees all of them.

    Once a site that has every item, as all others do, and once one whose balances come after all others.
    """
    loads = {
        name: _any_of(site, [Call(method="GET", target=f"{BALANCES}?limit=50", token=each)])
        for name, each in {"all": token, "one": one, "last": last}.items()
    }
    medians = in_turn(effort, **loads)
    unit = "requests/s"
    return {
        "restricted_page": Result(ours=medians["one"], floor=medians["all"], target=0.33, unit=unit),
        "restricted_page_at_the_end": Result(ours=medians["last"], floor=medians["all"], target=0.33, unit=unit),
    }


def posts_on_a_large_ledger(small: Site, large: Site, token: str, effort: Effort) -> dict[str, Result]:
    """(e) The transfers of (a), on a ledger with a million postings against one with opening stock alone."""
    medians = in_turn(effort, ours=_posts(large, token), floor=_posts(small, token))
    return {"post_at_a_million": Result(**medians, target=0.9, unit="requests/s")}


def audited_posts(audited: Site, plain: Site, sealer: int, token: str, effort: Effort) -> dict[str, Result]:
    """(h) The transfers of (a), with events, watched tables and a sealer, against none of these.

    `sealer` is its process, which stands still while the other side is measured: all its work counts as ours.
    """
    posts = _posts(audited, token)

    def sealed(seconds: float) -> float:
        os.kill(sealer, signal.SIGCONT)
        try:
            return posts(seconds)
        finally:
            os.kill(sealer, signal.SIGSTOP)

    medians = in_turn(effort, ours=sealed, floor=_posts(plain, token))
    return {"audited_post": Result(**medians, target=0.75, unit="requests/s")}


def _posts(site: Site, token: str) -> Load:
    calls = [
        Call(
            method="POST",
            target=POSTS,
            expect=201,
            token=token,
            has_key=True,
            body=_encoded({"kind": "transfer", "reference": f"PA-{n}", "lines": [_line(n)]}),
        )
        for n in range(_POOL)
    ]
    return _any_of(site, calls)


def _any_of(site: Site, calls: list[Call]) -> Load:
    return lambda seconds: load.rate(site.port, lambda: random.choice(calls), seconds=seconds)  # noqa: S311  # nosec B311


def _bare_insert(n: int) -> Call:
    body = {"item_id": f"00000000-0000-7000-8000-{n:012}", "quantity": "1", "reference": f"PA-{n}"}
    return Call(method="POST", target="/bare/rows", expect=201, body=_encoded(body))


def _line(n: int) -> dict[str, str]:
    return {
        "item": f"sku:BENCH-{n % ITEMS:04}",
        "from_location": f"loc:{SOURCE}",
        "to_location": f"loc:{TARGET}",
        "quantity": "1",
    }


def _batch(items: list[Mapping[str, Any]], token: str) -> Call:
    body = _encoded({"error_policy": "reject_all", "items": items})
    return Call(method="POST", target=BATCHES, expect=201, token=token, has_key=True, body=body)


def _page_after(site: Site, token: str, *, rows: int) -> Call:
    """Walk to a depth in pages of 200, as a client would, and return the call of the page of 50 there."""
    target, seen = f"{BALANCES}?limit={_LARGEST_PAGE}", 0
    with Client(site.port) as client:
        while seen < rows:
            page = client.document(Call(method="GET", target=target, token=token))
            seen += len(page["results"])
            address = urlsplit(page["next"])
            target = f"{address.path}?{address.query}"
    query = dict(parse_qsl(urlsplit(target).query)) | {"limit": "50"}
    return Call(method="GET", target=f"{BALANCES}?{urlencode(query)}", token=token)


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
