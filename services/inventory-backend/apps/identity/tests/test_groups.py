"""Groups through the API: what is bound to a group, its members hold, from their next request on."""

import pytest

from apps.identity.models import Group, GroupMember
from apps.identity.tests.hiring import hire, make_group, make_role
from apps.identity.tests.test_roles import trail
from rbac.django.actions import bind
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import World

GROUPS = "/identity/groups"
CREW = {"code": "crew", "name": "The crew"}


def test_a_group_is_made_read_renamed_and_deleted(api: Client) -> None:
    made = api.post(GROUPS, CREW)
    renamed = api.patch(f"{GROUPS}/group:crew", {"code": "team"}, version=1)
    read = api.get(f"{GROUPS}/{json_of(made)['id']}")
    gone = api.delete(f"{GROUPS}/group:team", version=2)

    assert [answer.status_code for answer in (made, renamed, read, gone)] == [201, 200, 200, 204]
    assert json_of(read) == json_of(renamed)
    assert (json_of(read)["code"], json_of(read)["version"], read["ETag"]) == ("team", 2, '"v2"')
    assert not Group.objects.exists()
    assert trail() == [("group.created", "group"), ("group.changed", "group"), ("group.deleted", "group")]


def test_members_join_and_leave(api: Client, world: World) -> None:
    make_group("crew")

    joined = api.post(f"{GROUPS}/group:crew/members", {"user": "user:vera"})
    again = api.post(f"{GROUPS}/group:crew/members", {"user": "user:vera"})
    listed = json_of(api.get(f"{GROUPS}/group:crew/members"))["results"]
    groups = json_of(api.get(GROUPS, member="user:vera"))["results"]
    left = [api.delete(f"{GROUPS}/group:crew/members/user:vera") for _ in range(2)]

    member = {"id": str(world.users["vera"]), "username": "vera", "name": "Vera", "is_active": True}
    assert (joined.status_code, json_of(joined), listed) == (201, member, [member])
    assert refusal(again)[:2] == (409, "already_member")
    assert [group["code"] for group in groups] == ["crew"]
    assert [answer.status_code for answer in left] == [204, 404]
    assert trail() == [("group.member_added", "group"), ("group.member_removed", "group")]


def test_a7_a_member_holds_what_is_bound_to_the_group_until_leaving(api: Client, world: World) -> None:
    group = make_group("crew")
    bind(group_id=group.pk, role_code="viewer", location_id=None)
    rita = hire(world, "rita")
    statuses = [rita.get("/parties/parties").status_code]

    api.post(f"{GROUPS}/group:crew/members", {"user": "user:rita"})
    statuses.append(rita.get("/parties/parties").status_code)
    mine = json_of(rita.get("/me"))
    api.delete(f"{GROUPS}/group:crew/members/user:rita")
    statuses.append(rita.get("/parties/parties").status_code)

    assert statuses == [403, 200, 403]
    assert [(grant["role"], grant["group"]["code"]) for grant in mine["grants"]] == [("viewer", "crew")]


def test_a_group_in_use_is_kept(api: Client, world: World) -> None:
    with_member, bound = make_group("crew", world.users["vera"]), make_group("chiefs")
    bind(group_id=bound.pk, role_code="viewer", location_id=None)

    answers = [api.delete(f"{GROUPS}/{group.pk}", version=1) for group in (with_member, bound)]

    assert [refusal(answer)[:2] for answer in answers] == [(409, "in_use")] * 2
    assert Group.objects.count() == 2


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (GROUPS, {"code": "chiefs", "name": "Again"}, (409, "duplicate", [])),
        (GROUPS, {"code": "crew"}, (400, "required", [("#/name", "required")])),
        (GROUPS, CREW | {"members": []}, (400, "unknown_parameter", [("#/members", "unknown_parameter")])),
        (f"{GROUPS}/group:chiefs/members", {"user": "user:none"}, (400, "unknown_user", [("#/user", "unknown_user")])),
        (f"{GROUPS}/group:none/members", {"user": "user:vera"}, (404, "not_found", [])),
    ],
)
def test_a_malformed_write_is_refused(
    api: Client, path: str, body: object, expected: tuple[int, str, list[tuple[str, str]]]
) -> None:
    make_group("chiefs")

    assert refusal(api.post(path, body)) == expected
    assert (Group.objects.count(), GroupMember.objects.count(), trail()) == (1, 0, [])


def test_a6_who_adds_a_member_holds_all_that_the_group_holds(world: World) -> None:
    make_role("hr", "identity.manage_users", "ledger.view")
    rita = hire(world, "rita", ("hr", None))
    chiefs, crew = make_group("chiefs", world.users["vera"]), make_group("crew")
    bind(group_id=chiefs.pk, role_code="administrator", location_id=world.locations["B"])
    bind(group_id=crew.pk, role_code="hr", location_id=world.locations["A"])

    to_chiefs = rita.post(f"{GROUPS}/group:chiefs/members", {"user": "user:rita"})
    from_chiefs = rita.delete(f"{GROUPS}/group:chiefs/members/user:vera")
    to_crew = rita.post(f"{GROUPS}/group:crew/members", {"user": "user:rita"})

    assert refusal(to_chiefs)[:2] == refusal(from_chiefs)[:2] == (403, "beyond_own_grants")
    assert to_crew.status_code == 201
    assert set(GroupMember.objects.values_list("group__code", "user__username")) == {
        ("chiefs", "vera"),
        ("crew", "rita"),
    }


def test_a6_who_manages_users_at_one_location_changes_no_group(world: World) -> None:
    rita = hire(world, "rita", ("administrator", "A"))
    make_group("crew", world.users["vera"])
    bind(user_id=world.users["vera"], role_code="picker", location_id=world.locations["A1"])

    answers = [
        rita.post(GROUPS, {"code": "own", "name": "Own"}),
        rita.patch(f"{GROUPS}/group:crew", {"name": "Mine"}, version=1),
        rita.delete(f"{GROUPS}/group:crew", version=1),
        rita.post(f"{GROUPS}/group:crew/members", {"user": "user:rita"}),
        rita.delete(f"{GROUPS}/group:crew/members/user:vera"),
    ]

    assert [refusal(answer)[:2] for answer in answers] == [(403, "beyond_own_grants")] * 5
    assert list(Group.objects.values_list("code", "name")) == [("crew", "Crew")]
    assert list(GroupMember.objects.values_list("user__username", flat=True)) == ["vera"]
