"""A leg belongs to a transaction, and to the balance of its place: no foreign key says so, a trigger does."""

from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from apps.common.db import constraint_of
from apps.ledger.tests.posting import Move, everything, post
from tests.world import World

# The legs that are there, once more, but for what a test writes in their stead.
COPY = """
    INSERT INTO ledger_posting (
        sequence, line, balance_id, item_id, location_id, lot_id, serial_id, owner_id, status, quantity, balance_after,
        balance_version, effective_at, entered_quantity, entered_unit_id, factor_num, factor_den
    )
    SELECT {sequence}, p.line + 10, {balance}, {item}, p.location_id, p.lot_id, p.serial_id, p.owner_id, p.status,
        p.quantity, p.balance_after, p.balance_version + 10, p.effective_at, p.entered_quantity, p.entered_unit_id,
        p.factor_num, p.factor_den
    FROM ledger_posting p
"""
AS_IT_IS = {"sequence": "p.sequence", "balance": "p.balance_id", "item": "p.item_id"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"sequence": "p.sequence + 1000"},
        {"balance": "CASE WHEN p.balance_id IS NOT NULL THEN gen_random_uuid() END"},
        {"item": "'00000000-0000-0000-0000-000000000000'::uuid"},
    ],
    ids=["of no transaction", "of no balance", "of another item"],
)
def test_a_leg_that_belongs_nowhere_is_refused(world: World, wrong: dict[str, str]) -> None:
    assert post(world, [Move(quantity=5, source="SUPPLIER", target="A1")], ids=[uuid4()]).is_posted
    before = everything()
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute(COPY.format(**{**AS_IT_IS, **wrong}))
    assert constraint_of(caught.value) == "ledger_posting_belongs"
    assert everything() == before
