"""Posting straight through the database's function, below the application: what must hold even there."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from apps.common.db import rows
from tests.world import World

_POST = """
    SELECT is_posted, txn, line, sequence, recorded_at, on_hand, closed_until
    FROM ledger_post(%s::jsonb, %s::jsonb, %s)
"""


@dataclass(frozen=True, kw_only=True)
class Move:
    """One line: what goes from where to where, in base units, by the codes of the world."""

    item: str = "BOLT"
    quantity: Decimal | int
    source: str
    target: str
    lot: str | None = None
    serial: str | None = None
    status: str = "available"
    to_status: str = "available"
    expected: Decimal | int | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Whether it was posted, under which number and when."""

    is_posted: bool
    sequence: int | None
    recorded_at: datetime


def post(
    world: World,
    *transactions: Sequence[Move],
    in_order: bool = False,
    effective_at: datetime | None = None,
    reverses: UUID | None = None,
    ids: Sequence[UUID] = (),
) -> Outcome:
    """Post transactions in one call of `ledger_post` and return what became of them."""
    names = ids or [uuid4() for _ in transactions]
    heads = [
        {
            "id": str(name),
            "kind": "transfer",
            "effective_at": effective_at.isoformat() if effective_at else None,
            "actor": str(world.users["ada"]),
            "reason": "",
            "reference": "",
            "note": "",
            "request_id": "test",
            "reverses": str(reverses) if reverses else None,
        }
        for name in names
    ]
    lines = [
        _line(world, txn, index, move) for txn, moves in enumerate(transactions) for index, move in enumerate(moves)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_POST, [json.dumps(heads), json.dumps(lines), in_order])
        found = cursor.fetchall()
    first = min(found, key=lambda row: (row[1], row[2]))
    return Outcome(is_posted=first[0], sequence=first[3], recorded_at=first[4])


def on_hand(world: World, place: str, item: str = "BOLT") -> Decimal:
    """Return what is in a place by its balances, all lots, serials and states together."""
    query = "SELECT coalesce(sum(on_hand), 0) FROM ledger_balance WHERE item_id = %s AND location_id = %s"
    total: Decimal = rows(query, [world.items[item], world.locations[place]])[0][0]
    return total


def everything() -> list[list[tuple[Any, ...]]]:
    """Return all that the ledger says, to compare before and after a refusal; zero balances say nothing."""
    return [
        rows("SELECT * FROM ledger_transaction ORDER BY sequence", []),
        rows("SELECT * FROM ledger_posting ORDER BY sequence, line", []),
        rows("SELECT * FROM ledger_balance WHERE version > 0 ORDER BY id", []),
        rows("SELECT * FROM ledger_period ORDER BY closed_until", []),
    ]


def _line(world: World, txn: int, index: int, move: Move) -> dict[str, object]:
    item = world.items[move.item]
    unit = world.units["kg" if move.item == "COFFEE" else "ea"]
    return {
        "txn": txn,
        "line": index,
        "item": str(item),
        "lot": str(world.lots[move.lot]) if move.lot else None,
        "serial": str(world.serials[move.serial]) if move.serial else None,
        "quantity": str(move.quantity),
        "from_location": str(world.locations[move.source]),
        "from_status": move.status,
        "from_owner": None,
        "from_expected": str(move.expected) if move.expected is not None else None,
        "to_location": str(world.locations[move.target]),
        "to_status": move.to_status,
        "to_owner": None,
        "to_expected": None,
        "entered": str(move.quantity),
        "unit": str(unit),
        "num": 1,
        "den": 1,
    }
