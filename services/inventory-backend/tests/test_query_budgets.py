"""Each list takes the same few queries for one row and for many; the numbers are committed."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.common.db import rows
from apps.ledger.tests.posting import Move, post
from tests.client import Client
from tests.world import World

ITEMS = 1_500
# Stock of many items in one place, as empty balances: the owner may write those.
MANY_BALANCES = """
    WITH made AS (
        INSERT INTO catalog_item (id, version, sku, name, description, tracking, base_unit_id)
        SELECT gen_random_uuid(), 1, 'DEEP-' || n, 'Deep', '', 'none', base_unit_id
        FROM catalog_item, generate_series(1, %s) n WHERE sku = 'BOLT'
        RETURNING id
    )
    INSERT INTO ledger_balance (
        id, item_id, location_id, status, allows_negative, on_hand, held, version, last_sequence
    )
    SELECT ledger_balance_id(made.id, l.id, NULL, NULL, NULL, 'available'), made.id, l.id, 'available',
        false, 0, 0, 0, 0
    FROM made, locations_location l WHERE l.code = 'A1'
"""

# Ids that come after all others.
LAST_OF_ALL = "('ffffffff-ffff-4fff-bfff-' || lpad(n::text, 12, '0'))::uuid"

COUNTS = json.loads((Path(__file__).parent / "query_counts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(COUNTS))
def test_a_list_stays_within_its_budget(api: Client, world: World, path: str) -> None:
    for place in ("A1", "A2", "B1"):
        post(world, [Move(quantity=5, source="SUPPLIER", target=place)])
        post(world, [Move(item="COFFEE", lot="L1", quantity=5, source="SUPPLIER", target=place)])
    counts = []
    for limit in (1, 5):
        with CaptureQueriesContext(connection) as queries:
            answer = api.get(path, limit=limit)
        assert answer.status_code == 200, answer.content
        counts.append(len(queries))
    shown = "\n".join(query["sql"] for query in queries)
    assert counts == [COUNTS[path]] * 2, shown


# What earlier tests rolled back is read as well, and what ANALYZE says of it misleads later ones: each has a database.
@pytest.mark.usefixtures("committed_db", "world")
def test_a_deep_page_reads_no_more_of_the_database_than_the_first(api: Client) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute(MANY_BALANCES, [ITEMS])
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL ROLE inventory_app")
    first, target = _pages_read(api, {"limit": "50"})
    _, target = _pages_read(api, {"limit": "200"})
    for _ in range(ITEMS // 200 - 2):
        deep, target = _pages_read(api, {**target, "limit": "200"})
    deep, _ = _pages_read(api, {**target, "limit": "50"})
    assert deep <= first * 1.2, (first, deep)


def _pages_read(api: Client, query: dict[str, str]) -> tuple[int, dict[str, str]]:
    """Return how many pages of the database one page of balances reads, and the parameters of the next one."""
    with CaptureQueriesContext(connection) as queries:
        answer = api.get("/ledger/balances", **query)
    (listing,) = [query["sql"] for query in queries if "LIMIT" in query["sql"]]
    (plan,) = rows(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {listing}", [])[0][0]
    following = parse_qsl(urlsplit(json.loads(answer.content)["next"]).query)
    return plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"], dict(following)


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize("sort", ["item,location", "item"])
def test_a_restricted_page_reads_no_more_where_its_rows_come_last(
    api: Client, as_user: Callable[[str], Client], sort: str
) -> None:
    of_b = MANY_BALANCES.replace("'A1'", "'B1'")
    of_a = MANY_BALANCES.replace("gen_random_uuid()", LAST_OF_ALL).replace("DEEP-", "LAST-")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute(of_b, [40_000])
        cursor.execute(of_a, [20_000])
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL ROLE inventory_app")
    alan = as_user("alan")

    seen, target = [], {"limit": "3", "sort": sort}
    for _ in range(3):
        page = json.loads(alan.get("/ledger/balances", **target).content)["results"]
        seen += [(row["item"]["id"], row["location"]["code"]) for row in page]
        read, target = _pages_read(alan, target)
        assert read < 200, target
    everything = json.loads(api.get("/ledger/balances", location="loc:A1", limit=9, sort=sort).content)["results"]
    assert seen == [(row["item"]["id"], "A1") for row in everything]
