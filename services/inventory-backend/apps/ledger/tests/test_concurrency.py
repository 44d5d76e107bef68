"""Many writers at once, on connections of their own, with real commits."""

import random
import time
from datetime import datetime
from queue import Queue

import pytest
from django.db import connection, transaction

from apps.common.db import rows
from apps.ledger.tests.invariants import broken
from apps.ledger.tests.posting import Move, on_hand, post
from tests.threads import at_once
from tests.world import World

pytestmark = pytest.mark.usefixtures("committed_db")
KNOWN = """
    SELECT balance_id::text, sum(quantity) FROM ledger_posting
    WHERE sequence <= %s AND balance_id IS NOT NULL GROUP BY balance_id ORDER BY balance_id
"""


def test_b3_I5_of_400_removals_by_8_clients_100_succeed(world: World) -> None:
    post(world, [Move(quantity=100, source="SUPPLIER", target="A1")])
    removal = [Move(quantity=1, source="A1", target="CUSTOMER")]
    outcomes = at_once(8, lambda _: [post(world, removal).is_posted for _ in range(50)])
    posted = [outcome for outcomes_of_one in outcomes for outcome in outcomes_of_one]
    assert (posted.count(True), posted.count(False)) == (100, 300)
    assert on_hand(world, "A1") == 0
    assert broken() == {}


def test_I19_crossing_transfers_neither_deadlock_nor_get_lost(world: World) -> None:
    places = ["A1", "A2", "B1", "LAX"]
    post(world, [Move(quantity=1000, source="SUPPLIER", target=place) for place in places])

    def client(number: int) -> int:
        dice = random.Random(number)  # noqa: S311  # no secret: the order of lines
        posted = 0
        for _ in range(25):
            pairs = [dice.sample(places, 2) for _ in range(4)]
            posted += post(world, [Move(quantity=1, source=s, target=t) for s, t in pairs]).is_posted
        return posted

    assert at_once(8, client) == [25] * 8
    assert sum(on_hand(world, place) for place in places) == 4000
    assert rows("SELECT count(*) FROM ledger_posting", []) == [(8 * 25 * 8 + 8,)]
    assert broken() == {}


def test_I19_writers_that_make_the_same_places_do_not_deadlock(world: World) -> None:
    places = ["A1", "A2", "B1", "A", "B"]

    def client(number: int) -> bool:
        order = random.Random(number).sample(places, 5)  # noqa: S311  # no secret: the order of lines
        moves = [
            Move(quantity=1, item="COFFEE", lot=lot, source="SUPPLIER", target=place)
            for place in order
            for lot in ("L1", "L2")
        ]
        return post(world, moves).is_posted

    assert at_once(8, client) == [True] * 8
    assert [on_hand(world, place, "COFFEE") for place in places] == [16] * 5
    assert broken() == {}


def test_b3_I12_one_of_many_who_receive_a_serial_gets_it(world: World) -> None:
    places = ["A1", "A2", "B1", "LAX"]

    def client(number: int) -> bool:
        move = Move(quantity=1, item="SCANNER", serial="S1", source="SUPPLIER", target=places[number])
        return post(world, [move]).is_posted

    assert sorted(at_once(4, client)) == [False, False, False, True]
    assert broken() == {}


def test_I13_what_was_known_never_changes_while_4_writers_post(world: World) -> None:
    def writer(number: int) -> None:
        place = ["A1", "A2", "B1", "LAX"][number]
        for _ in range(20):
            with transaction.atomic(), connection.cursor() as cursor:
                post(world, [Move(quantity=1, source="SUPPLIER", target=place)])
                cursor.execute("SELECT pg_sleep(%s)", [0.002 * number])

    def reader() -> list[tuple[int, list[tuple[str, int]]]]:
        seen: list[tuple[int, list[tuple[str, int]]]] = []
        deadline = time.monotonic() + 30
        while (not seen or seen[-1][0] < 80) and time.monotonic() < deadline:
            settled = rows("SELECT ledger_settled()", [])[0][0]
            seen.append((settled, rows(KNOWN, [settled])))
        return seen

    views = at_once(5, lambda number: reader() if number == 4 else writer(number))[4]
    assert views is not None
    assert len({settled for settled, _ in views}) > 5
    assert [rows(KNOWN, [settled]) for settled, _ in views] == [view for _, view in views]
    assert rows("SELECT ledger_settled()", []) == [(80,)]
    assert broken() == {}


def test_I21_closing_waits_for_a_post_that_is_under_way(world: World) -> None:
    posted = Queue[datetime]()

    def poster() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            posted.put(post(world, [Move(quantity=5, source="SUPPLIER", target="A1")]).recorded_at)
            cursor.execute("SELECT pg_sleep(0.2)")

    def closer() -> None:
        until = posted.get(timeout=300)
        assert rows("SELECT ledger_close_period(%s, %s, '')", [until, world.users["ada"]]) == [(None,)]

    at_once(2, lambda number: closer() if number else poster())
    assert rows("SELECT quantity FROM ledger_balance_snapshot", []) == [(5,)]
