"""Each list takes the same few queries for one row and for many; the numbers are committed."""

import json
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.ledger.tests.posting import Move, post
from tests.client import Client
from tests.world import World

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
