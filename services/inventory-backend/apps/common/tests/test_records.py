"""Deleting reference data while others work on it."""

import time
from threading import Event

import psycopg
import pytest

from apps.common.db import rows
from tests.answers import refusal
from tests.client import Client
from tests.threads import at_once
from tests.world import PASSWORD, World

ITEM = {"sku": "SPARE", "name": "Spare", "base_unit": "ea"}
REFER = """
    SET CONSTRAINTS ALL IMMEDIATE;
    INSERT INTO catalog_lot (id, version, item_id, code)
        SELECT gen_random_uuid(), 1, id, 'L9' FROM catalog_item WHERE sku = 'SPARE'
"""
CHANGE = "UPDATE catalog_item SET name = 'Kept', version = 2 WHERE sku = 'SPARE'"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.mark.parametrize(
    ("touch", "refused"), [(REFER, (409, "in_use")), (CHANGE, (412, "stale_version"))], ids=["refer", "change"]
)
def test_what_a_rival_touched_while_the_delete_waited_is_kept(
    committed_db: str, world: World, touch: str, refused: tuple[int, str]
) -> None:
    ada = Client.signed_in("ada", PASSWORD)
    assert ada.post("/catalog/items", ITEM).status_code == 201
    touched = Event()

    def rival() -> None:
        with psycopg.connect(committed_db) as connection:
            connection.execute(touch)
            touched.set()
            _until_somebody_waits(committed_db)

    def delete() -> tuple[int, str]:
        assert touched.wait(timeout=300)
        return refusal(ada.delete("/catalog/items/sku:SPARE", version=1))[:2]

    assert at_once(2, lambda number: (rival, delete)[number]()) == [None, refused]
    assert rows("SELECT count(*) FROM catalog_item WHERE sku = 'SPARE'", []) == [(1,)]


def _until_somebody_waits(url: str) -> None:
    deadline = time.monotonic() + 300
    with psycopg.connect(url, autocommit=True) as owner:
        while owner.execute(WAITING).fetchone() == (0,):
            assert time.monotonic() < deadline, "the delete waits for nobody"
            time.sleep(0.01)
