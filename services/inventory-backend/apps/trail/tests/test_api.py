"""The trail over HTTP: read by filters, verified, proved; to those alone who may see all of it."""

import base64
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from apps.common.api.fields import instant
from apps.common.db import rows
from apps.identity.models import ApiKey
from apps.trail.keys import verifying_keys
from apps.trail.tests.sealing import seal_all
from audit import leaf_hash, open_checkpoint, root_from_path
from audit.django.models import AuditEvent
from rbac.django.actions import bind
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import PASSWORD, World

EVENTS = "/audit/events"


def make_parties(api: Client, *codes: str) -> list[str]:
    return [json_of(api.post("/parties/parties", {"code": code, "name": code}))["id"] for code in codes]


def test_events_tell_who_did_what_to_which_object(api: Client, world: World) -> None:
    (party,) = make_parties(api, "ACME")

    (event,) = json_of(api.get(EVENTS, object_type="party"))["results"]

    assert {name: event[name] for name in ("actor_id", "action", "object_type", "object_id", "before", "reason")} == {
        "actor_id": str(world.users["ada"]),
        "action": "party.created",
        "object_type": "party",
        "object_id": party,
        "before": None,
        "reason": "",
    }
    assert (event["after"]["code"], event["ip"]) == ("ACME", "127.0.0.1")
    assert event["session_id"] is not None


def test_events_are_filtered_and_paged(api: Client, world: World) -> None:
    parties = make_parties(api, "P1", "P2", "P3")
    api.post(f"/parties/parties/{parties[0]}/archive", None)

    def found(**query: object) -> list[str]:
        return [event["object_id"] for event in json_of(api.get(EVENTS, **query))["results"]]

    latest = AuditEvent.objects.latest("seq")
    assert found(action="party.created") == parties[::-1]
    assert found(action=["party.created", "party.archived"], object_id=parties[0]) == [parties[0]] * 2
    assert found(actor=str(world.users["ada"]), object_type="party", sort="seq") == [*parties, parties[0]]
    assert found(actor=str(uuid4())) == []
    assert found(object_type="party", at__lt=latest.at.isoformat()) == parties[::-1]
    assert found(request_id=latest.request_id) == [parties[0]]
    page = json_of(api.get(EVENTS, object_type="party", limit=3))
    assert ([event["object_id"] for event in page["results"]][1:], page["previous"]) == (parties[:0:-1], None)
    assert page["next"] is not None


def test_a_filter_that_is_wrong_is_named(api: Client) -> None:
    assert refusal(api.get(EVENTS, actor="ada", acton="x", at__gte="yesterday")) == (
        400,
        "invalid",
        [("?actor/0", "invalid"), ("?acton", "unknown_parameter"), ("?at__gte", "invalid")],
    )


@pytest.mark.parametrize("path", [EVENTS, "/audit/verify", "/audit/events/01a20939-3721-7423-8017-8a357f202a5c/proof"])
def test_the_trail_is_for_who_may_see_all_of_it(as_user: Callable[[str], Client], world: World, path: str) -> None:
    assert as_user("vera").get(path).status_code == 403
    bind(user_id=world.users["alan"], role_code="auditor", location_id=world.locations["A"])
    assert as_user("alan").get(path).status_code == 404  # held in one warehouse: nothing of the trail exists


def test_an_auditor_may_read_it(as_user: Callable[[str], Client], world: World) -> None:
    bind(user_id=world.users["vera"], role_code="auditor", location_id=None)

    assert as_user("vera").get(EVENTS).status_code == 200


# ---------------------------------------------------------------- sealed


@pytest.mark.usefixtures("committed_db")
def test_a_proof_convinces_who_has_a_checkpoint_alone(world: World, api: Client) -> None:
    make_parties(api, "ACME")
    event = AuditEvent.objects.get(object_type="party")
    assert refusal(api.get(f"{EVENTS}/{event.event_id}/proof")) == (409, "not_sealed", [])
    seal_all()

    proof = json_of(api.get(f"{EVENTS}/{event.event_id}/proof"))

    said = open_checkpoint(proof["checkpoint"], keys=verifying_keys())
    path = [base64.b64decode(hash_) for hash_ in proof["path"]]
    assert root_from_path(leaf_hash(proof["content"].encode()), proof["index"], proof["size"], path) == said.root
    assert (said.origin, said.size) == ("testserver/audit", proof["size"])
    assert f'"seq":{event.seq}' in proof["content"]
    assert api.get(f"{EVENTS}/{uuid4()}/proof").status_code == 404


@pytest.mark.usefixtures("committed_db")
def test_l3_verifying_finds_what_the_owner_changed(world: World, api: Client) -> None:
    make_parties(api, "ACME")
    seal_all()
    make_parties(api, "OTHER")
    second = seal_all()
    clean = json_of(api.get("/audit/verify"))
    assert clean == {
        "is_clean": True,
        "breaks": [],
        "seals": 2,
        "events": second.size,
        "unsealed": 0,
        "checkpoint": second.note,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE; ALTER TABLE audit_event DISABLE TRIGGER ALL")
        cursor.execute(
            "UPDATE audit_event SET after = after || '{\"name\": \"Forged\"}' WHERE action = 'party.created'"
        )
        cursor.execute("SET ROLE inventory_app")

    found = json_of(api.get("/audit/verify"))["breaks"]

    assert [(each["kind"], each["seal"]) for each in found] == [("events_changed", 1), ("events_changed", 2)]
    tail = json_of(api.get("/audit/verify", from_seal=1))
    assert [(each["kind"], each["seal"]) for each in tail["breaks"]] == [("events_changed", 2)]
    assert api.get("/audit/verify", from_seal=99).status_code == 404
    assert refusal(api.get("/audit/verify", from_seal=0)) == (400, "invalid", [("?from_seal", "invalid")])
    proof = api.get(f"{EVENTS}/{AuditEvent.objects.filter(action='party.created').earliest('seq').event_id}/proof")
    assert refusal(proof) == (409, "trail_changed", [])


# ---------------------------------------------------------------- raw SQL

# What is written with each try, sign-in or refresh, with no event, and lives for minutes or is no use by itself.
UNWATCHED = [
    "identity_hand_over",
    "identity_provided_session",
    "identity_refresh_token",  # the service does not use it any more
    "identity_seen_logout",
    "identity_session_token",
    "identity_sign_in_attempt",
    "identity_signing_key",
    "identity_spent_challenge",
    "identity_throttle",
]


@pytest.mark.usefixtures("committed_db")
def test_every_table_of_stock_and_master_data_and_access_is_watched(world: World) -> None:
    found = rows(
        """
        SELECT c.relname FROM pg_class c
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
            AND c.relname ~ '^(ledger|catalog|locations|parties|rbac|identity)_' AND c.relname <> ALL (%s) AND 4 <> (
                SELECT count(*) FROM pg_trigger t
                WHERE t.tgrelid = c.oid AND t.tgenabled = 'A' AND t.tgname LIKE 'audit\\_%%'
            )
        """,
        [UNWATCHED],
    )
    assert found == []


@pytest.mark.usefixtures("committed_db")
def test_raw_sql_of_the_owner_leaves_an_event_and_keeps_secrets(world: World, api: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        cursor.execute("UPDATE catalog_item SET name = 'Forged' WHERE sku = 'BOLT'")
        cursor.execute("UPDATE identity_user SET password = 'canary' WHERE username = 'vera'")
        cursor.execute("SET ROLE inventory_app")

    item, user = json_of(api.get(EVENTS, object_type="table", limit=2, sort="-seq"))["results"][::-1]

    assert AuditEvent.objects.filter(object_type="table").count() == 2
    assert (item["action"], item["object_id"], item["actor_id"]) == ("sql.updated", "catalog_item", None)
    assert (item["before"]["rows"][0]["name"], item["after"]["rows"][0]["name"]) == ("Bolt", "Forged")
    assert (user["object_id"], "canary" in str(user), "password" in str(user)) == ("identity_user", False, False)


@pytest.mark.usefixtures("committed_db")
def test_raw_sql_on_what_lets_people_in_leaves_an_event_and_use_leaves_none(world: World, api: Client) -> None:
    body = {"name": "ERP", "permissions": ["ledger.view"], "expires_at": instant(timezone.now() + timedelta(days=1))}
    key = json_of(api.post("/identity/keys", body))["key"]
    pair = json_of(Client("").post("/identity/token", {"username": "vera", "password": PASSWORD}))
    before = AuditEvent.objects.latest("seq").seq

    assert Client(key).get("/me").status_code == 200
    assert Client("").post("/identity/token/refresh", {"refresh": pair["refresh"]}).status_code == 200
    assert ApiKey.objects.get().last_used_at is not None
    assert not AuditEvent.objects.filter(seq__gt=before).exists()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE identity_api_key SET permissions = '{identity.manage_users}'")
        cursor.execute("UPDATE identity_session SET authenticated_at = now()")

    told = AuditEvent.objects.filter(seq__gt=before).order_by("seq")
    assert [(each.action, each.object_id) for each in told] == [
        ("sql.updated", "identity_api_key"),
        ("sql.updated", "identity_session"),
    ]
    assert "digest" not in str([each.after for each in told])


@pytest.mark.usefixtures("committed_db")
def test_a_post_past_the_service_leaves_an_event(world: World) -> None:
    rows(
        """
        SELECT count(*) FROM ledger_post(
            jsonb_build_array(jsonb_build_object('id', gen_random_uuid(), 'kind', 'receipt', 'actor', %s::text,
                'reason', '', 'reference', '', 'note', '', 'request_id', 'raw')),
            jsonb_build_array(jsonb_build_object('txn', 0, 'line', 0, 'item', %s::text, 'quantity', 5,
                'from_location', %s::text, 'from_status', 'available',
                'to_location', %s::text, 'to_status', 'available', 'entered', 5, 'unit', %s::text, 'num', 1, 'den', 1)),
            false)
        """,
        [
            str(world.users["ada"]),
            str(world.items["BOLT"]),
            str(world.locations["SUPPLIER"]),
            str(world.locations["A1"]),
            str(world.units["ea"]),
        ],
    )

    told = AuditEvent.objects.order_by("seq").values_list("action", "object_id", "after__count")
    assert list(told) == [
        ("sql.inserted", "ledger_balance", 1),
        ("sql.inserted", "ledger_transaction", 1),
        ("sql.inserted", "ledger_posting", 2),
        ("sql.updated", "ledger_balance", 1),
    ]
