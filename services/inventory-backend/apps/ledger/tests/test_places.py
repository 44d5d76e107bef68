"""A balance is named by its place, whoever writes it (ADR 3)."""

from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from apps.common.db import constraint_of
from apps.ledger.tests.posting import Move, everything, post
from tests.world import World

INSERT = """
    INSERT INTO ledger_balance (
        id, item_id, location_id, status, allows_negative, on_hand, held, version, last_sequence
    )
    SELECT gen_random_uuid(), item_id, location_id, 'damaged', false, 0, 0, 0, 0 FROM ledger_balance
"""
MOVE = "UPDATE ledger_balance SET {column} = {value}"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        INSERT,
        MOVE.format(column="id", value="gen_random_uuid()"),
        MOVE.format(column="item_id", value=f"'{uuid4()}'"),
        MOVE.format(column="location_id", value=f"'{uuid4()}'"),
        MOVE.format(column="lot_id", value=f"'{uuid4()}'"),
        MOVE.format(column="serial_id", value=f"'{uuid4()}'"),
        MOVE.format(column="owner_id", value=f"'{uuid4()}'"),
        MOVE.format(column="status", value="'damaged'"),
    ],
    ids=["insert", "id", "item", "location", "lot", "serial", "owner", "status"],
)
def test_a_balance_with_the_id_of_no_or_another_place_is_refused(world: World, statement: str) -> None:
    assert post(world, [Move(quantity=1, source="SUPPLIER", target="A1")]).is_posted
    before = everything()
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute(statement)
    assert constraint_of(caught.value) == "ledger_balance_id_is_its_place"
    assert everything() == before
