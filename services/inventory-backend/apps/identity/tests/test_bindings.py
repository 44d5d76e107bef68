"""Bindings through the API: given and taken within what one holds, at that place and for as long (A6)."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from apps.common.api.fields import instant
from apps.identity.actions import BeyondOwnGrants, bind_role
from apps.identity.models import GroupMember, User
from apps.identity.tests.hiring import KEEPER, hire, make_group, make_role
from apps.identity.tests.test_roles import trail
from audit import Origin
from audit.django.models import AuditEvent
from rbac import Grant, Grants
from rbac.django.actions import bind
from rbac.django.models import Binding, Role
from rbac.django.queries import grants_of
from tests.answers import json_of, refusal
from tests.client import Client
from tests.threads import at_once
from tests.world import World

BINDINGS = "/identity/bindings"


def body(**changes: Any) -> dict[str, Any]:
    return {"user": "user:vera", "role": "role:picker", "location": "loc:A"} | changes


@pytest.fixture
def kim(world: World) -> Client:
    """Somebody who looks after the access of warehouse A, and may view the ledger there."""
    make_role("keeper", *KEEPER)
    return hire(world, "kim", ("keeper", "A"))


def test_a_role_is_given_and_taken(api: Client, world: World) -> None:
    until = timezone.now() + timedelta(days=1)
    given = api.post(BINDINGS, body(valid_until=instant(until)))
    found = json_of(given)
    read = api.get(f"{BINDINGS}/{found['id']}")
    taken = [api.delete(f"{BINDINGS}/{found['id']}") for _ in range(2)]

    assert (given.status_code, read.status_code) == (201, 200)
    assert [answer.status_code for answer in taken] == [204, 404]
    assert json_of(read) == found
    assert found["subject"] == {"kind": "user", "id": str(world.users["vera"]), "code": "vera", "name": "Vera"}
    assert (found["role"]["code"], found["location"]["code"]) == ("picker", "A")
    assert (found["valid_from"], found["valid_until"]) == (None, instant(until))
    granted, revoked = AuditEvent.objects.exclude(action="user.signed_in").order_by("seq")
    assert [(event.action, event.object_type, event.object_id) for event in (granted, revoked)] == [
        ("role.granted", "user", str(world.users["vera"])),
        ("role.revoked", "user", str(world.users["vera"])),
    ]
    assert granted.before is revoked.after is None
    assert granted.after == revoked.before
    assert granted.after is not None
    assert (granted.after["role"], granted.after["location"]) == ("picker", str(world.locations["A"]))


def test_a7_a_binding_counts_from_the_next_request_to_the_next_request(api: Client, world: World) -> None:
    rita = hire(world, "rita")
    statuses = [rita.get("/ledger/balances").status_code]

    made = json_of(api.post(BINDINGS, body(user="user:rita", location=None)))
    statuses.append(rita.get("/ledger/balances").status_code)
    api.delete(f"{BINDINGS}/{made['id']}")
    statuses.append(rita.get("/ledger/balances").status_code)

    assert statuses == [403, 200, 403]


def test_a_role_is_given_to_a_group(api: Client) -> None:
    make_group("crew")

    made = json_of(api.post(BINDINGS, {"group": "group:crew", "role": "role:picker", "location": "loc:A"}))

    assert (made["subject"]["kind"], made["subject"]["code"]) == ("group", "crew")
    assert trail() == [("role.granted", "group")]
    rows = json_of(api.get(BINDINGS, subject_kind="group"))["results"]
    assert rows == json_of(api.get(BINDINGS, group="group:crew"))["results"] == [made]


def test_the_list_is_filtered(api: Client) -> None:
    def holders(**query: str) -> list[str]:
        return [row["subject"]["code"] for row in json_of(api.get(BINDINGS, **query))["results"]]

    assert sorted(holders()) == ["ada", "alan", "vera"]
    assert holders(user="user:alan") == holders(location="loc:A") == holders(role="role:warehouse-manager") == ["alan"]
    assert refusal(api.get(BINDINGS, user="user:nobody")) == (400, "unknown_user", [("?user", "unknown_user")])


@pytest.mark.parametrize(
    ("changes", "status", "code", "pointer"),
    [
        ({"user": "user:nobody"}, 400, "unknown_user", "#/user"),
        ({"role": "role:pikcer"}, 400, "unknown_role", "#/role"),
        ({"location": "loc:NOWHERE"}, 400, "unknown_location", "#/location"),
        ({"location": str(uuid4())}, 400, "unknown_location", "#/location"),
        ({"group": "group:crew"}, 400, "one_subject", "#"),
        ({"valid_until": "2020-01-01T00:00:00Z"}, 400, "ends_before_it_begins", "#/valid_until"),
        (
            {"valid_from": "2126-01-02T00:00:00Z", "valid_until": "2126-01-01T00:00:00Z"},
            400,
            "ends_before_it_begins",
            "#/valid_until",
        ),
        ({"valid_until": "2126-01-01T00:00:00"}, 400, "invalid", "#/valid_until"),
        ({"user": "user:alan", "role": "role:warehouse-manager"}, 409, "already_bound", None),
    ],
)
def test_a_malformed_binding_is_refused(
    api: Client, changes: dict[str, str], status: int, code: str, pointer: str | None
) -> None:
    make_group("crew")

    answer = api.post(BINDINGS, body(**changes))

    assert refusal(answer) == (status, code, [(pointer, code)] if pointer else [])
    assert (Binding.objects.count(), trail()) == (3, [])


@pytest.mark.parametrize("missing", ["location", "role", "user"])
def test_nothing_is_given_by_leaving_something_out(api: Client, missing: str) -> None:
    sent = body()
    del sent[missing]

    assert api.post(BINDINGS, sent).status_code == 400
    assert Binding.objects.count() == 3


@pytest.mark.parametrize(
    ("role", "location", "expected"),
    [
        ("looker", "A", 201),
        ("looker", "A1", 201),
        ("picker", "A", 403),  # ledger.post is not hers to give
        ("keeper", "A", 201),
    ],
)
def test_a6_a_role_is_given_by_who_holds_it_at_that_place(kim: Client, role: str, location: str, expected: int) -> None:
    make_role("looker", "ledger.view", "catalog.view")
    before = Binding.objects.count()

    answer = kim.post(BINDINGS, body(user="user:kim", role=f"role:{role}", location=f"loc:{location}"))

    # She is a keeper at A already.
    assert answer.status_code == (409 if role == "keeper" else expected)
    assert Binding.objects.count() == before + (1 if answer.status_code == 201 else 0)


@pytest.mark.parametrize("location", ["loc:B", "loc:B1", "loc:SUPPLIER", "loc:NOWHERE"])
def test_a3_a_place_outside_is_one_that_does_not_exist(kim: Client, location: str) -> None:
    before = Binding.objects.count()

    answer = kim.post(BINDINGS, body(role="role:keeper", location=location))

    assert refusal(answer) == (400, "unknown_location", [("#/location", "unknown_location")])
    assert refusal(kim.get(BINDINGS, location=location))[:2] == (400, "unknown_location")
    assert Binding.objects.count() == before


def test_a6_a_role_is_not_given_everywhere_by_who_holds_it_somewhere(kim: Client) -> None:
    before = Binding.objects.count()

    answer = kim.post(BINDINGS, body(user="user:kim", role="role:keeper", location=None))

    assert refusal(answer)[:2] == (403, "beyond_own_grants")
    assert Binding.objects.count() == before


def test_a6_a_role_is_taken_by_who_could_give_it(kim: Client, world: World) -> None:
    make_role("looker", "ledger.view")
    hers = bind(user_id=world.users["vera"], role_code="looker", location_id=world.locations["A1"])
    higher = Binding.objects.get(user_id=world.users["alan"])

    answers = [kim.delete(f"{BINDINGS}/{binding.pk}") for binding in (hers, higher)]

    assert [answer.status_code for answer in answers] == [204, 403]
    assert not Binding.objects.filter(pk=hers.pk).exists()
    assert Binding.objects.filter(pk=higher.pk).exists()


def test_a3_who_works_elsewhere_is_given_no_role_here(kim: Client) -> None:
    before = Binding.objects.count()

    answers = [kim.post(BINDINGS, body(user=user)) for user in ("user:vera", "user:nobody")]

    assert [refusal(answer)[2] for answer in answers] == [[("#/user", "unknown_user")]] * 2
    assert refusal(kim.get(BINDINGS, user="user:ada")) == (400, "unknown_user", [("?user", "unknown_user")])
    assert Binding.objects.count() == before


def test_a3_bindings_elsewhere_do_not_exist(kim: Client, world: World) -> None:
    elsewhere = bind(user_id=world.users["vera"], role_code="picker", location_id=world.locations["B1"])
    everywhere = Binding.objects.get(user_id=world.users["ada"])

    listed = json_of(kim.get(BINDINGS, count="exact"))
    unknown = kim.get(f"{BINDINGS}/{uuid4()}")

    assert {row["subject"]["code"] for row in listed["results"]} == {"alan", "kim"}
    assert listed["count"] == 2
    for binding in (elsewhere, everywhere):
        for answer in (kim.get(f"{BINDINGS}/{binding.pk}"), kim.delete(f"{BINDINGS}/{binding.pk}")):
            assert (answer.status_code, _without_id(answer.content)) == (404, _without_id(unknown.content))
    assert Binding.objects.filter(pk__in=[elsewhere.pk, everywhere.pk]).count() == 2


def test_a6_what_is_held_for_a_time_is_not_given_for_longer(world: World) -> None:
    make_role("keeper", *KEEPER)
    end = timezone.now() + timedelta(hours=1)
    kim = hire(world, "kim")
    bind(user_id=world.users["kim"], role_code="keeper", location_id=None, valid_until=end)

    answers = [
        kim.post(BINDINGS, body(role="role:keeper", valid_until=until))
        for until in (None, instant(end + timedelta(seconds=1)), instant(end))
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 201]
    assert Binding.objects.get(user_id=world.users["vera"], role__code="keeper").valid_until == end


def test_a6_no_binding_of_a_narrowed_caller_is_wider_than_the_caller(world: World) -> None:
    """What the request may use counts as well as what its user holds: so it is for a narrowed key."""

    narrowed = Grants((Grant(frozenset({"identity.manage_roles"}), None),))
    origin = Origin(actor_id=world.users["ada"], at=timezone.now(), request_id="test")

    with pytest.raises(BeyondOwnGrants):
        bind_role(
            User.objects.get(username="vera"),
            Role.objects.get(code="picker"),
            location_id=None,
            valid_from=None,
            valid_until=None,
            caller=narrowed,
            origin=origin,
        )

    assert Binding.objects.count() == 3


@pytest.mark.parametrize("is_off", [True, False], ids=["switched off", "stripped"])
def test_a4_what_was_revoked_since_the_request_began_no_longer_counts(world: World, *, is_off: bool) -> None:

    at = timezone.now()
    caller = grants_of(user_id=world.users["ada"], at=at)
    if is_off:
        User.objects.filter(username="ada").update(is_active=False)
    else:
        Binding.objects.filter(user_id=world.users["ada"]).delete()
    before = Binding.objects.count()

    with pytest.raises(BeyondOwnGrants):
        bind_role(
            User.objects.get(username="vera"),
            Role.objects.get(code="picker"),
            location_id=None,
            valid_from=None,
            valid_until=None,
            caller=caller,
            origin=Origin(actor_id=world.users["ada"], at=at, request_id="test"),
        )

    assert Binding.objects.count() == before


def test_a6_changes_of_access_wait_for_each_other(committed_db: str, api: Client, world: World) -> None:
    """Two that are each fine could widen together: one lets somebody join a group, the other gives it a role."""
    group, role = make_group("crew"), make_role("night", "ledger.view")
    own = bind(user_id=world.users["vera"], role_code="picker", location_id=world.locations["B"])
    before = Binding.objects.count()

    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    with psycopg.connect(committed_db) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtext('rbac_binding'))")
        answers = [
            api.post(BINDINGS, body()),
            api.delete(f"{BINDINGS}/{own.pk}"),
            api.post(f"/identity/groups/{group.pk}/members", {"user": "user:vera"}),
            api.patch(f"/identity/roles/{role.pk}", {"permissions": []}, version=1),
            api.patch("/locations/locations/loc:A1", {"parent": "loc:B"}, version=1),
        ]

    assert [refusal(answer)[:2] for answer in answers] == [(503, "busy")] * 5
    assert (Binding.objects.count(), GroupMember.objects.count(), trail()) == (before, 0, [])
    role.refresh_from_db()
    assert role.permissions == ["ledger.view"]


@pytest.mark.usefixtures("committed_db")
def test_of_eight_equal_bindings_at_once_one_is_made(api: Client) -> None:
    statuses = at_once(8, lambda _: api.post(BINDINGS, body()).status_code)

    assert sorted(statuses) == [201] + [409] * 7
    assert trail() == [("role.granted", "user")]


def _without_id(content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(content)
    return found | {"request_id": ""}
