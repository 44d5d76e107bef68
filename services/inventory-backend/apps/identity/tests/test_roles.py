"""Roles through the API: made, changed and deleted, within what their author holds."""

from typing import Any

import pytest

from apps.identity.tests.hiring import hire, make_group, make_role
from audit.django.models import AuditEvent
from rbac.django.actions import bind
from rbac.django.models import Role
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import World

ROLES = "/identity/roles"
NIGHT: dict[str, Any] = {"code": "night", "name": "Night shift", "permissions": ["ledger.view", "ledger.post"]}


def trail() -> list[tuple[str, str]]:
    # What a test stands on was written past the service, and is told of as such where it was committed.
    events = AuditEvent.objects.exclude(action="user.signed_in").exclude(object_type="table").order_by("seq")
    return [(event.action, event.object_type) for event in events]


def test_a_role_is_made_read_changed_and_deleted(api: Client) -> None:
    made = api.post(ROLES, NIGHT)
    changed = api.patch(f"{ROLES}/role:night", {"permissions": ["ledger.view"]}, version=1)
    read = api.get(f"{ROLES}/{json_of(made)['id']}")
    gone = api.delete(f"{ROLES}/role:night", version=2)

    assert (made.status_code, changed.status_code, read.status_code, gone.status_code) == (201, 200, 200, 204)
    assert made["Location"] == f"/api/v1{ROLES}/{json_of(made)['id']}"
    assert (made["ETag"], changed["ETag"], read["ETag"]) == ('"v1"', '"v2"', '"v2"')
    assert json_of(made)["permissions"] == ["ledger.post", "ledger.view"]
    assert json_of(read) == json_of(changed)
    assert (json_of(read)["permissions"], json_of(read)["is_builtin"]) == (["ledger.view"], False)
    assert not Role.objects.filter(code="night").exists()
    assert trail() == [("role.created", "role"), ("role.changed", "role"), ("role.deleted", "role")]
    change = AuditEvent.objects.get(action="role.changed")
    assert (change.before, change.after) == (
        {"code": "night", "name": "Night shift", "permissions": ["ledger.post", "ledger.view"]},
        {"code": "night", "name": "Night shift", "permissions": ["ledger.view"]},
    )


def test_a_retried_creation_makes_one_role(api: Client) -> None:
    first, again = (api.post(ROLES, NIGHT, key="k-1") for _ in range(2))

    assert (first.status_code, again.status_code, again["Idempotency-Replayed"]) == (201, 201, "true")
    assert first.content == again.content
    assert trail() == [("role.created", "role")]


def test_the_list_is_filtered(api: Client) -> None:
    make_role("night", "ledger.view")

    def codes(**query: str) -> list[str]:
        return [role["code"] for role in json_of(api.get(ROLES, **query))["results"]]

    assert codes(is_builtin="false") == ["night"]
    assert codes(permission="ledger.close_period") == ["administrator"]
    assert codes(code="viewer") == ["viewer"]
    assert codes(sort="-code", limit="2") == ["warehouse-manager", "viewer"]
    assert len(codes()) == 9


@pytest.mark.parametrize("code", ["viewer", "administrator"])
def test_a_builtin_role_stays_as_it_is(api: Client, code: str) -> None:
    before = Role.objects.values().get(code=code)

    answers = [
        api.patch(f"{ROLES}/role:{code}", {"permissions": []}, version=1),
        api.delete(f"{ROLES}/role:{code}", version=1),
    ]

    assert [refusal(answer)[:2] for answer in answers] == [(409, "builtin_role")] * 2
    assert Role.objects.values().get(code=code) == before
    assert trail() == []


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        (NIGHT | {"permissions": ["ledger.pots"]}, 400, "unknown_permission", "#/permissions/0"),
        (NIGHT | {"is_builtin": True}, 400, "unknown_parameter", "#/is_builtin"),
        (NIGHT | {"code": "Night Shift"}, 400, "invalid", "#/code"),
        (NIGHT | {"permissions": "*"}, 400, "invalid", "#/permissions"),
        (NIGHT | {"code": "viewer"}, 409, "duplicate", None),
    ],
)
def test_a_malformed_role_is_refused(api: Client, body: object, status: int, code: str, pointer: str | None) -> None:
    answer = api.post(ROLES, body)

    assert refusal(answer) == (status, code, [(pointer, code)] if pointer else [])
    assert (Role.objects.count(), trail()) == (8, [])


def test_a_typo_in_a_permission_is_answered_with_the_nearest(api: Client) -> None:
    assert "Did you mean ledger.post?" in json_of(api.post(ROLES, NIGHT | {"permissions": ["ledger.pots"]}))["detail"]


def test_a_role_that_is_bound_is_kept(api: Client, world: World) -> None:
    make_role("night", "ledger.view")
    bind(user_id=world.users["vera"], role_code="night", location_id=None)

    assert refusal(api.delete(f"{ROLES}/role:night", version=1))[:2] == (409, "in_use")
    assert Role.objects.filter(code="night").exists()


def test_a_stale_change_is_refused(api: Client) -> None:
    make_role("night", "ledger.view")
    api.patch(f"{ROLES}/role:night", {"name": "First"}, version=1)

    answers = [
        api.patch(f"{ROLES}/role:night", {"name": "Second"}, version=1),
        api.patch(f"{ROLES}/role:night", {"name": "Second"}),
        api.delete(f"{ROLES}/role:night", version=1),
    ]

    assert [refusal(answer)[:2] for answer in answers] == [
        (412, "stale_version"),
        (428, "version_required"),
        (412, "stale_version"),
    ]
    assert Role.objects.get(code="night").name == "First"


@pytest.mark.parametrize("place", [None, "A"], ids=["everywhere", "at one location"])
def test_a6_nobody_makes_a_role_of_more_than_they_hold_everywhere(world: World, place: str | None) -> None:
    make_role("keeper", "identity.manage_roles", "ledger.view")
    rita = hire(world, "rita", ("keeper", place))

    wider = rita.post(ROLES, NIGHT)
    same = rita.post(ROLES, NIGHT | {"permissions": ["ledger.view"]})

    assert refusal(wider)[:2] == (403, "beyond_own_grants")
    details = {problem["detail"] for problem in json_of(wider)["errors"]}
    assert "You do not hold ledger.post there for that long." in details
    assert same.status_code == (201 if place is None else 403)
    assert Role.objects.filter(code="night").count() == (1 if place is None else 0)


@pytest.mark.parametrize(
    "permissions", [["ledger.view", "ledger.post", "catalog.view"], []], ids=["widened", "taken away"]
)
def test_a6_editing_a_role_hands_out_and_takes_away_what_one_holds(world: World, permissions: list[str]) -> None:
    make_role("keeper", "identity.manage_roles", "ledger.view", "catalog.view")
    role = make_role("night", "ledger.view", "ledger.reverse")
    bind(user_id=world.users["vera"], role_code="night", location_id=world.locations["B"])
    rita = hire(world, "rita", ("keeper", None))

    answer = rita.patch(f"{ROLES}/role:night", {"permissions": permissions}, version=1)
    within = rita.patch(
        f"{ROLES}/role:night", {"permissions": ["ledger.view", "ledger.reverse", "catalog.view"]}, version=1
    )

    assert refusal(answer)[:2] == (403, "beyond_own_grants")
    assert within.status_code == 200
    role.refresh_from_db()
    assert role.permissions == ["catalog.view", "ledger.reverse", "ledger.view"]


def test_a6_who_holds_a_right_for_a_time_does_not_widen_a_role_that_is_bound_for_longer(world: World) -> None:
    make_role("keeper", "identity.manage_roles")
    make_role("closer", "ledger.close_period")
    make_role("night", "ledger.view")
    rita = hire(world, "rita", ("keeper", None))
    bind(
        user_id=world.users["rita"],
        role_code="closer",
        location_id=None,
        valid_until="2126-01-01T00:00:00Z",  # type: ignore[arg-type]
    )
    body = {"permissions": ["ledger.close_period", "ledger.view"]}
    bind(group_id=make_group("crew").pk, role_code="night", location_id=None)

    answer = rita.patch(f"{ROLES}/role:night", body, version=1)

    assert refusal(answer)[:2] == (403, "beyond_own_grants")
    assert Role.objects.get(code="night").permissions == ["ledger.view"]


def test_a7_a_role_that_is_changed_counts_at_the_next_request(api: Client, world: World) -> None:
    make_role("night", "ledger.view", "parties.view")
    rita = hire(world, "rita", ("night", None))
    before = rita.get("/parties/parties").status_code

    api.patch(f"{ROLES}/role:night", {"permissions": ["ledger.view"]}, version=1)

    assert (before, rita.get("/parties/parties").status_code) == (200, 403)
