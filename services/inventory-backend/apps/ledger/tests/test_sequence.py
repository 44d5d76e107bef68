"""Sequence and recorded_at grow together, whoever else posts at the same moment."""

import psycopg
import pytest

from apps.common.db import rows
from apps.ledger.tests.invariants import broken
from tests.answers import json_of
from tests.client import Client
from tests.threads import at_once
from tests.world import PASSWORD, World

PLACES = ("A1", "A2", "B1", "LAX")
POSTS_EACH = 3
# PostgreSQL takes these for a sequence's name in quotes, since text is preferred to regclass. Who gets an odd number is
# slow from then on until the clock is read, so that a writer who is let in meanwhile overtakes.
# They are the owner's, as whom ledger_post runs.
SLOW_NUMBERS = """
    SET ROLE inventory_owner;
    CREATE SEQUENCE slow_number;
    GRANT SELECT ON slow_number TO inventory_app;
    CREATE FUNCTION slowed(number bigint) RETURNS bigint LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_catalog.nextval('slow_number'::regclass);
        PERFORM pg_sleep(0.05) WHERE number % 2 = 1;
        RETURN number;
    END
    $$;
    CREATE FUNCTION nextval(name text) RETURNS bigint LANGUAGE sql
        RETURN slowed(pg_catalog.nextval(name::regclass));
    CREATE FUNCTION setval(name text, number bigint) RETURNS bigint LANGUAGE sql
        RETURN slowed(pg_catalog.setval(name::regclass, number));
"""


def _receipts(place: str, count: int) -> dict[str, object]:
    line = {"item": "sku:BOLT", "quantity": "1", "to_location": f"loc:{place}"}
    return {"error_policy": "reject_all", "items": [{"kind": "receipt", "lines": [line]}] * count}


@pytest.mark.parametrize("count", [1, 3], ids=["one by one", "in batches"])
def test_I13_writers_on_disjoint_places_take_numbers_and_time_together(
    committed_db: str, world: World, count: int
) -> None:
    with psycopg.connect(committed_db, autocommit=True) as owner:
        owner.execute(SLOW_NUMBERS)
    ada = Client.signed_in("ada", PASSWORD)

    def client(number: int) -> list[int]:
        body = _receipts(PLACES[number], count)
        return [ada.post("/ledger/transactions/batch", body).status_code for _ in range(POSTS_EACH)]

    assert at_once(len(PLACES), client) == [[201] * POSTS_EACH] * len(PLACES)
    told = rows("SELECT sequence, recorded_at FROM ledger_transaction ORDER BY sequence", [])
    posted = count * POSTS_EACH * len(PLACES)
    assert [sequence for sequence, _ in told] == list(range(1, posted + 1))
    times = [recorded_at for _, recorded_at in told]
    assert times == sorted(times)
    for recorded_at in set(times):
        (known,) = json_of(ada.get("/ledger/levels", known_at=recorded_at.isoformat()))["results"]
        assert known["on_hand"] == str(sum(at <= recorded_at for at in times))
    assert broken() == {}
    ((slowed,),) = rows("SELECT last_value FROM slow_number", [])
    assert slowed >= POSTS_EACH * len(PLACES), "Numbers are taken in another way by now: slow that one down instead."
