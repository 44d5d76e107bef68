"""Posts that arrive together are committed together, and nobody can tell but by the clock."""

from datetime import UTC, datetime
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction

from apps.common.db import rows
from apps.ledger.actions import Asked, InsufficientStock, post_together
from apps.ledger.tests.invariants import broken
from apps.ledger.tests.posting import Move, everything, on_hand, post
from apps.ledger.types import Draft, DraftLine, Kind, Level
from audit import Origin
from audit.django.models import AuditEvent
from rbac import Scope
from tests.client import Client
from tests.threads import at_once
from tests.world import PASSWORD, World

TRANSACTIONS = "/ledger/transactions"


def _asked(world: World, username: str, kind: Kind, line: DraftLine, *, scope: Scope | None = None) -> Asked:
    return Asked(
        draft=Draft(kind=kind, lines=[line]),
        scope=scope or Scope.all(),
        origin=Origin(actor_id=world.users[username], at=datetime.now(UTC), request_id=f"from-{username}"),
    )


def _into(place: str, item: str = "BOLT") -> DraftLine:
    return DraftLine(item=f"sku:{item}", quantity=Decimal(5), to_location=f"loc:{place}")


def _out_of(place: str) -> DraftLine:
    return DraftLine(item="sku:BOLT", quantity=Decimal(5), from_location=f"loc:{place}")


def _receipt(place: str) -> dict[str, Any]:
    return {"kind": "receipt", "lines": [{"item": "sku:BOLT", "quantity": "1", "to_location": f"loc:{place}"}]}


@pytest.mark.django_db
def test_each_is_answered_and_remembered_as_if_it_had_come_alone(world: World) -> None:
    only_a = Scope(everywhere=False, roots=frozenset({world.locations["A"]}))
    received, unknown, shipped, elsewhere = post_together(
        [
            _asked(world, "ada", Kind.RECEIPT, _into("A1")),
            _asked(world, "ada", Kind.RECEIPT, _into("A1", item="NAIL")),
            _asked(world, "alan", Kind.SHIPMENT, _out_of("A1"), scope=only_a),
            _asked(world, "alan", Kind.RECEIPT, _into("B1"), scope=only_a),
        ]
    )
    assert (unknown, elsewhere) == (None, None)
    assert received is not None
    assert shipped is not None
    assert (received.levels, shipped.levels) == (
        [(None, Level(Decimal(5), Decimal(0)))],
        [(Level(Decimal(0), Decimal(0)), None)],
    )
    assert shipped.sequence == received.sequence + 1
    assert list(AuditEvent.objects.order_by("seq").values_list("actor_id", "request_id", "object_id")) == [
        (world.users["ada"], "from-ada", str(received.entry.id)),
        (world.users["alan"], "from-alan", str(shipped.entry.id)),
    ]
    assert rows("SELECT actor_id, request_id FROM ledger_transaction ORDER BY sequence", []) == [
        (world.users["ada"], "from-ada"),
        (world.users["alan"], "from-alan"),
    ]
    assert broken() == {}


@pytest.mark.django_db
def test_one_that_the_stock_forbids_stops_them_all(world: World) -> None:
    before = everything()
    with pytest.raises(InsufficientStock), transaction.atomic():
        post_together(
            [
                _asked(world, "ada", Kind.RECEIPT, _into("A1")),
                _asked(world, "alan", Kind.SHIPMENT, _out_of("A2")),
            ]
        )
    assert everything() == before
    assert AuditEvent.objects.count() == 0


@pytest.mark.usefixtures("committed_db")
def test_what_8_clients_post_at_once_is_there_once_and_some_of_it_went_together(world: World) -> None:
    clients = [Client.signed_in(name, PASSWORD) for name in ("ada", "alan")]
    places = ("A1", "A2")

    def client(number: int) -> list[int]:
        api = clients[number % 2]
        return [api.post(TRANSACTIONS, _receipt(places[turn % 2])).status_code for turn in range(20)]

    assert at_once(8, client) == [[201] * 20] * 8
    assert [on_hand(world, place) for place in places] == [80, 80]
    groups = "SELECT count(*) FROM ledger_transaction GROUP BY recorded_at HAVING count(*) > 1"
    assert rows(groups, []) != []
    assert AuditEvent.objects.filter(action="stock.posted").count() == 160
    assert broken() == {}


@pytest.mark.usefixtures("committed_db")
def test_a_post_that_waits_for_a_lock_keeps_no_other_from_posting(world: World) -> None:
    api = Client.signed_in("ada", PASSWORD)
    post(world, [Move(quantity=1, source="SUPPLIER", target=place) for place in ("A1", "A2")])
    is_locked, is_posted = Event(), Event()

    def holder() -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE NONE")
            cursor.execute("SELECT FROM ledger_balance WHERE location_id = %s FOR UPDATE", [world.locations["A1"]])
            is_locked.set()
            assert is_posted.wait(timeout=30), "the post to A2 waits for the lock on A1"
        return 201

    def waiter() -> int:
        assert is_locked.wait(timeout=30)
        return api.post(TRANSACTIONS, _receipt("A1")).status_code

    def bystander() -> int:
        assert is_locked.wait(timeout=30)
        status = [api.post(TRANSACTIONS, _receipt("A2")).status_code for _ in range(3)][-1]
        is_posted.set()
        return status

    assert at_once(3, lambda number: (holder, waiter, bystander)[number]()) == [201, 201, 201]
    assert [on_hand(world, place) for place in ("A1", "A2")] == [2, 4]
    assert broken() == {}
