"""I4: what is somewhere came from somewhere; an item's postings over all locations sum to zero."""

from collections import defaultdict
from contextlib import suppress
from decimal import Decimal

from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from apps.common.db import rows
from apps.ledger.tests.bodies import Body, histories
from apps.ledger.tests.invariants import BREAKS, broken
from apps.ledger.tests.test_properties import undone
from tests.answers import json_of
from tests.client import Client
from tests.world import World

VIRTUAL = ("SUPPLIER", "CUSTOMER", "SCRAP")
# An item with its lots, as legs name it.
THINGS = (("BOLT", None), ("COFFEE", "L1"), ("COFFEE", "L2"))

type _Leg = tuple[tuple[str, str | None], str, int]
LEGS = st.tuples(
    st.sampled_from(THINGS), st.sampled_from(VIRTUAL), st.integers(-3, 3).filter(lambda quantity: quantity != 0)
)


@given(history=histories(min_size=1, max_size=5))
def test_b2_I4_every_kind_of_transaction_and_its_reversal_sum_to_zero(api: Client, history: list[Body]) -> None:
    with undone():
        lines = 0
        for body in history:
            answer = api.post("/ledger/transactions", body)
            lines += len(body["lines"]) * (answer.status_code == 201)
        assert _sums_to_zero(api, legs=2 * lines)
        if answer.status_code == 201:
            path = f"/ledger/transactions/{json_of(answer)['id']}/reverse"
            lines += len(body["lines"]) * (api.post(path, {"reason": "last in, first out"}).status_code == 201)
        assert _sums_to_zero(api, legs=2 * lines)
        assert broken() == {}


def _sums_to_zero(api: Client, *, legs: int) -> bool:
    """Tell whether the postings, of which there are so many, sum to zero for each item as clients see them."""
    answer = json_of(api.get("/ledger/postings", limit=200))
    found = answer["results"]
    assert (len(found), answer["next"]) == (legs, None)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for leg in found:
        sums[leg["item"]["code"]] += Decimal(leg["quantity"])
    return not any(sums.values())


@given(legs=st.lists(LEGS, min_size=1, max_size=4), is_completed=st.booleans())
def test_b2_I4_the_tables_owner_cannot_write_legs_that_do_not_sum_to_zero(
    api: Client, world: World, *, legs: list[_Leg], is_completed: bool
) -> None:
    if is_completed:
        legs = [*legs, *[(thing, "OPENING", -quantity) for thing, _, quantity in legs]]
    sums: dict[tuple[str, str | None], int] = defaultdict(int)
    for thing, _, quantity in legs:
        sums[thing] += quantity
    line = {"item": "sku:BOLT", "quantity": "1", "to_location": "loc:A1"}
    with undone():
        body = {"kind": "receipt", "lines": [line]}
        sequence = json_of(api.post("/ledger/transactions", body))["sequence"]
        assert _is_written(world, sequence, legs) == (not any(sums.values()))
        assert rows(BREAKS["I4"], []) == []
        assert rows(BREAKS["I1"], []) == []


def _is_written(world: World, sequence: int, legs: list[_Leg]) -> bool:
    """Write legs in virtual places past `ledger_post`, as the owner of the tables could, in one statement."""
    values = [
        (sequence, 2 + number, world.items[item], world.locations[place], lot and world.lots[lot], quantity)
        for number, ((item, lot), place, quantity) in enumerate(legs)
    ]
    row = "(%s::bigint, %s::int, %s::uuid, %s::uuid, %s::uuid, %s::numeric)"
    sql = f"""
        INSERT INTO ledger_posting (sequence, line, item_id, location_id, lot_id, quantity, status, effective_at,
            entered_quantity, entered_unit_id, factor_num, factor_den)
        SELECT v.*, 'available', clock_timestamp(), 1, %s, 1, 1 FROM (VALUES {", ".join([row] * len(values))}) AS v
    """
    with suppress(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute(sql, [world.units["ea"], *[field for value in values for field in value]])
        cursor.execute("SET LOCAL ROLE inventory_app")
        return True
    return False
