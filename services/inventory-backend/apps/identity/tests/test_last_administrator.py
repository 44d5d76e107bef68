"""Somebody can always hand out rights: the last one who can is refused to go, also where two go at once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.identity.actions import LastAdministrator, disable_user
from apps.identity.models import GroupMember, User
from apps.identity.tests.hiring import hire, make_group, make_role
from apps.identity.types import Authority
from audit import Origin
from audit.django.models import AuditEvent
from rbac.django.actions import bind
from rbac.django.models import Binding, Role
from tests.answers import json_of, refusal
from tests.client import Client
from tests.threads import at_once
from tests.world import World

REFUSED = (409, "last_administrator", [("#", "last_administrator")])


def own(world: World, username: str = "ada") -> Binding:
    return Binding.objects.get(user_id=world.users[username], location=None)


def trail() -> list[str]:
    return list(AuditEvent.objects.exclude(action="user.signed_in").values_list("action", flat=True))


def test_the_last_administrator_keeps_the_role(api: Client, world: World) -> None:
    answer = api.delete(f"/identity/bindings/{own(world).pk}")

    assert refusal(answer) == REFUSED
    assert "identity.manage_roles everywhere" in json_of(answer)["detail"]
    assert (Binding.objects.filter(user_id=world.users["ada"]).count(), trail()) == (1, [])


def test_with_a_second_administrator_the_first_may_go(api: Client, world: World) -> None:
    hire(world, "bea", ("administrator", None))

    assert api.delete(f"/identity/bindings/{own(world).pk}").status_code == 204


@pytest.mark.parametrize(
    "lacks", ["a_password", "an_account_that_is_on", "the_root", "an_open_end", "a_start", "a_body"]
)
def test_who_could_not_hand_out_rights_for_good_is_no_second_administrator(
    api: Client, world: World, lacks: str
) -> None:
    now = timezone.now()
    bea = User(username="bea", kind="service" if lacks == "a_body" else "person")
    bea.set_unusable_password()
    bea.is_active = lacks != "an_account_that_is_on"
    if lacks not in {"a_password", "a_body"}:
        bea.set_password("a good one, of many words")
    bea.save(force_insert=True)
    bind(
        user_id=bea.pk,
        role_code="administrator",
        location_id=world.locations["A"] if lacks == "the_root" else None,
        valid_from=now + timedelta(days=1) if lacks == "a_start" else None,
        valid_until=now + timedelta(days=1) if lacks == "an_open_end" else None,
    )

    assert refusal(api.delete(f"/identity/bindings/{own(world).pk}")) == REFUSED
    assert Binding.objects.filter(user_id=world.users["ada"]).count() == 1


def test_an_administrator_through_a_group_keeps_the_membership(api: Client, world: World) -> None:
    group = make_group("admins", world.users["ada"])
    bind(group_id=group.pk, role_code="administrator", location_id=None)
    Binding.objects.filter(user_id=world.users["ada"]).delete()

    answer = api.delete(f"/identity/groups/{group.pk}/members/user:ada")

    assert refusal(answer) == REFUSED
    assert GroupMember.objects.filter(group=group).count() == 1


def test_a_role_keeps_what_the_last_administrator_holds_by_it(api: Client, world: World) -> None:
    role = make_role("boss", *Role.objects.get(code="administrator").permissions)
    bind(user_id=world.users["ada"], role_code="boss", location_id=None)
    own_binding = Binding.objects.filter(user_id=world.users["ada"], role__code="administrator")
    own_binding.delete()
    less = [code for code in role.permissions if code != "identity.manage_roles"]

    answer = api.patch(f"/identity/roles/{role.pk}", {"permissions": less}, version=1)

    assert refusal(answer) == (409, "last_administrator", [("#/permissions", "last_administrator")])
    role.refresh_from_db()
    assert "identity.manage_roles" in role.permissions


@pytest.mark.usefixtures("world")
def test_an_operator_is_told_before_nobody_is_left() -> None:
    for arguments in (("user", "disable", "ada"), ("role", "revoke", "ada", "administrator")):
        with pytest.raises(CommandError, match=r"manage_roles everywhere"):
            call_command(*arguments)

    assert (User.objects.get(username="ada").is_active, trail()) == (True, [])


@pytest.mark.usefixtures("committed_db")
def test_of_two_administrators_who_unbind_themselves_at_once_one_stays(world: World, api: Client) -> None:
    clients = [api, hire(world, "bea", ("administrator", None))]
    mine = [own(world, name).pk for name in ("ada", "bea")]

    statuses = at_once(2, lambda n: clients[n].delete(f"/identity/bindings/{mine[n]}").status_code)

    assert sorted(statuses) == [204, 409]
    assert Binding.objects.filter(pk__in=mine).count() == 1


@pytest.mark.usefixtures("committed_db")
def test_of_two_administrators_who_are_switched_off_at_once_one_stays(world: World) -> None:
    hire(world, "bea", ("administrator", None))
    origin = Origin.system(at=timezone.now(), request_id="test-0001")
    lock, refused = threading.Lock(), []

    def switch_off(number: int) -> None:
        user = User.objects.get(username=("ada", "bea")[number])
        try:
            disable_user(user, by=Authority.operator(), origin=origin)
        except LastAdministrator as error:
            with lock:
                refused.append(error.problems[0].pointer)

    at_once(2, switch_off)

    assert refused == ["#/is_active"]
    assert User.objects.filter(username__in=["ada", "bea"], is_active=True).count() == 1


def test_where_nobody_was_left_before_nothing_is_refused(api: Client, world: World) -> None:
    binding = own(world)
    Binding.objects.filter(pk=binding.pk).update(valid_until=timezone.now() + timedelta(days=1))

    answer: Any = api.delete(f"/identity/bindings/{binding.pk}")

    assert answer.status_code == 204
