"""Each write leaves exactly one event, and what changed nothing leaves none (checklist L1).

Whoever adds a writing operation adds a row here; the test names those that have none.
"""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from audit.django.models import AuditEvent
from tests.answers import json_of
from tests.client import Client
from tests.identity_writes import IDENTITY
from tests.test_schema import _document as document
from tests.world import PASSWORD, World
from tests.writes import Write, resource

RECEIPT = {"kind": "receipt", "lines": [{"item": "sku:BOLT", "quantity": "5", "to_location": "loc:A1"}]}
# Nothing is stored, or nothing that anybody could be asked about.
SILENT = {
    "preview_transaction": "stores nothing",
    "refresh_session": "goes on with a session, whose begin and end are told; and so is a token that is used twice",
    "read_passkey_options": "stores nothing",
    "begin_passkey": "stores nothing; what is answered is told",
    "link_identity": "sends away to sign in; who comes back is told",
    "begin_proving_again": "stores nothing; the answer is told",
    "begin_proof_elsewhere": "sends away to sign in; who comes back is told",
}
# Needs a provider that answers: the tests that have one look at its events.
ELSEWHERE = {
    "hand_over": "apps/identity/tests/test_sso.py",
    "finish_proof_elsewhere": "apps/identity/tests/test_proof_elsewhere.py",
}
TRANSACTIONS = "/ledger/transactions"


def _posted(api: Client) -> Any:
    return json_of(api.post(TRANSACTIONS, RECEIPT))


def _session(api: Client) -> Any:
    return json_of(api.post("/identity/token", {"username": "vera", "password": PASSWORD}))


ITEM = {"sku": "NEW", "name": "New", "base_unit": "ea"}
UNIT = {"unit": "case", "factor_num": 10, "factor_den": 1}
WRITES: dict[str, Write] = {
    **IDENTITY,
    **resource("party", "/parties/parties", {"code": "NEW", "name": "New"}, {"name": "Changed"}),
    **resource("item", "/catalog/items", ITEM, {"name": "Changed"}),
    **resource("lot", "/catalog/lots", {"item": "sku:COFFEE", "code": "NEW"}, {"expiry_date": "2030-01-31"}),
    **resource("serial", "/catalog/serials", {"item": "sku:SCANNER", "code": "NEW"}, {"code": "NEWER"}),
    **resource("unit", "/catalog/units", {"code": "new", "name": "New", "dimension": "package"}, {"name": "Changed"}),
    **resource(
        "location",
        "/locations/locations",
        {"code": "NEW", "name": "New", "kind": "bin", "parent": "loc:A"},
        {"name": "Changed"},
    ),
    "add_item_unit": Write(
        action="item.unit_added",
        act=lambda api, _: api.post("/catalog/items/sku:BOLT/units", UNIT),
        refuse=lambda api, _: api.post("/catalog/items/sku:BOLT/units", {**UNIT, "unit": "nothing"}),
    ),
    "remove_item_unit": Write(
        action="item.unit_removed",
        prepare=lambda api: api.post("/catalog/items/sku:BOLT/units", UNIT),
        act=lambda api, _: api.delete("/catalog/items/sku:BOLT/units/case"),
        refuse=lambda api, _: api.delete("/catalog/items/sku:BOLT/units/nothing"),
    ),
    "sign_in": Write(
        action="user.signed_in",
        act=lambda api, _: api.post("/identity/token", {"username": "vera", "password": PASSWORD}),
        refuse=lambda api, _: api.post("/identity/token", {"username": "vera", "password": "wrong"}),
    ),
    "end_session": Write(
        action="session.ended",
        prepare=_session,
        act=lambda api, pair: api.post("/identity/token/revoke", {"refresh": pair["refresh"]}),
        refuse=lambda api, _: api.post("/identity/token/revoke", {"refresh": ""}),
    ),
    "close_period": Write(
        action="period.closed",
        act=lambda api, _: api.post("/ledger/periods", {"closed_until": "2026-01-01T00:00:00Z", "reason": "year"}),
        refuse=lambda api, _: api.post("/ledger/periods", {"closed_until": "2999-01-01T00:00:00Z", "reason": "year"}),
    ),
    "post_transaction": Write(
        action="stock.posted",
        act=lambda api, _: api.post(TRANSACTIONS, RECEIPT),
        refuse=lambda api, _: api.post(
            TRANSACTIONS,
            {"kind": "shipment", "lines": [{"item": "sku:BOLT", "quantity": "9", "from_location": "loc:A2"}]},
        ),
    ),
    "post_transactions": Write(
        action="stock.posted",
        act=lambda api, _: api.post(f"{TRANSACTIONS}/batch", {"error_policy": "reject_all", "items": [RECEIPT]}),
        refuse=lambda api, _: api.post(
            f"{TRANSACTIONS}/batch", {"error_policy": "reject_all", "items": [RECEIPT, {**RECEIPT, "kind": "shipment"}]}
        ),
    ),
    "reverse_transaction": Write(
        action="stock.posted",
        prepare=_posted,
        act=lambda api, row: api.post(f"{TRANSACTIONS}/{row['id']}/reverse", {"reason": "wrong"}),
        refuse=lambda api, _: api.post(f"{TRANSACTIONS}/{uuid4()}/reverse", {"reason": "wrong"}),
    ),
}
IDEMPOTENT = {
    "close_period": ("/ledger/periods", {"closed_until": "2026-01-01T00:00:00Z", "reason": "year"}),
    "post_transaction": (TRANSACTIONS, RECEIPT),
    "post_transactions": (f"{TRANSACTIONS}/batch", {"error_policy": "reject_all", "items": [RECEIPT]}),
}


def writing_operations() -> set[str]:
    return {
        operation["operationId"]
        for methods in document()["paths"].values()
        for method, operation in methods.items()
        if method in {"post", "put", "patch", "delete"}
    }


def events_after(seq: int) -> list[str]:
    # As at COMMIT: what was written without an event would now leave its own.
    connection.check_constraints()
    return list(AuditEvent.objects.filter(seq__gt=seq).order_by("seq").values_list("action", flat=True))


def newest() -> int:
    return AuditEvent.objects.latest("seq").seq


def test_l1_every_writing_operation_is_here() -> None:
    assert writing_operations() - set(WRITES) - set(SILENT) - set(ELSEWHERE) == set()


@pytest.mark.parametrize("name", sorted(WRITES))
def test_l1_a_write_leaves_one_event_and_a_refusal_none(api: Client, world: World, name: str) -> None:
    write = WRITES[name]
    given = write.prepare(api)

    before = newest()
    refusal = write.refuse(api, given)
    assert 400 <= refusal.status_code < 500, refusal.content
    assert events_after(before) == []

    done = write.act(api, given)
    assert 200 <= done.status_code < 300, done.content
    assert events_after(before) == [write.action]


@pytest.mark.parametrize("name", sorted(IDEMPOTENT))
def test_l1_a_replay_leaves_no_event(api: Client, world: World, name: str) -> None:
    path, body = IDEMPOTENT[name]
    key, before = str(uuid4()), newest()

    first, again = (api.post(path, body, key=key) for _ in range(2))

    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    assert len(events_after(before)) == 1


def test_l1_what_is_only_validated_or_previewed_leaves_no_event(api: Client, world: World) -> None:
    before = newest()

    assert api.post("/parties/parties?validate_only=true", {"code": "NEW", "name": "New"}).status_code == 200
    assert api.post(f"{TRANSACTIONS}/preview", RECEIPT).status_code == 200

    assert events_after(before) == []


@pytest.mark.usefixtures("committed_db")
def test_l1_commits_add_no_event_of_their_own(world: World, api: Client) -> None:
    before = newest()

    for name in ("create_party", "create_item", "create_location", "post_transaction", "close_period"):
        assert WRITES[name].act(api, None).status_code == 201

    told = AuditEvent.objects.filter(seq__gt=before).order_by("seq").values_list("action", flat=True)
    assert list(told) == ["party.created", "item.created", "location.created", "stock.posted", "period.closed"]
