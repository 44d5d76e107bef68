"""Why somebody may or may not: which binding, by which group, at which place; or what is missing."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.identity.models import User
from apps.identity.tests.hiring import KEEPER, hire, make_group, make_role
from rbac.django.actions import bind
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import World

EXPLAIN = "/identity/explain"


def ask(client: Client, user: str, permission: str, location: str | None = None) -> dict[str, Any]:
    query = {"user": f"user:{user}", "permission": permission} | ({"location": f"loc:{location}"} if location else {})
    answer = client.get(EXPLAIN, **query)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = json_of(answer)
    return found


def test_names_the_binding_the_group_and_the_ancestor(api: Client, world: World) -> None:
    group = make_group("crew", world.users["vera"])
    binding = bind(group_id=group.pk, role_code="picker", location_id=world.locations["A"])

    found = ask(api, "vera", "ledger.post", "A1")

    assert found["is_allowed"] is True
    assert found["reason"] == "The role picker allows it, bound at A, through the group crew."
    assert (found["user"]["code"], found["permission"], found["location"]["code"]) == ("vera", "ledger.post", "A1")
    by_role = {each["role"]: each for each in found["bindings"]}
    assert by_role["picker"] == {
        "binding": str(binding.pk),
        "role": "picker",
        "group": {"id": str(group.pk), "code": "crew", "name": "Crew"},
        "place": "above",
        "location": {"id": str(world.locations["A"]), "code": "A", "name": "A"},
        "valid_from": None,
        "valid_until": None,
        "verdict": "grants",
    }
    assert (by_role["viewer"]["verdict"], by_role["viewer"]["place"]) == ("lacks_permission", "everywhere")


def test_says_what_is_missing(api: Client, world: World) -> None:
    now = timezone.now()
    vera = world.users["vera"]
    bind(user_id=vera, role_code="picker", location_id=world.locations["B"])
    bind(user_id=vera, role_code="counter", location_id=None, valid_until=now)
    bind(user_id=vera, role_code="receiver", location_id=world.locations["A1"], valid_from=now + timedelta(hours=1))

    found = ask(api, "vera", "ledger.post", "A1")

    assert found["is_allowed"] is False
    assert {(each["role"], each["verdict"], each["place"]) for each in found["bindings"]} == {
        ("viewer", "lacks_permission", "everywhere"),
        ("picker", "elsewhere", "elsewhere"),
        ("counter", "ended", "everywhere"),
        ("receiver", "not_yet", "here"),
    }
    assert found["roles"] == ["administrator", "counter", "picker", "receiver", "warehouse-manager"]
    assert found["reason"].startswith("No binding of vera allows ledger.post at A1 now. The roles administrator,")


def test_without_a_location_it_asks_for_everywhere(api: Client) -> None:
    assert ask(api, "alan", "ledger.post")["is_allowed"] is False
    assert ask(api, "alan", "ledger.post", "A2")["is_allowed"] is True
    assert ask(api, "ada", "ledger.post")["is_allowed"] is True


def test_an_account_that_is_off_may_nothing(api: Client) -> None:
    User.objects.filter(username="alan").update(is_active=False)

    found = ask(api, "alan", "ledger.post", "A")

    assert (found["is_allowed"], found["reason"]) == (False, "The account of alan is off.")


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"user": "user:nobody"}, "unknown_user", "?user"),
        ({"permission": "ledger.pots"}, "unknown_permission", "?permission"),
        ({"location": "loc:NOWHERE"}, "unknown_location", "?location"),
        ({"at": "now"}, "unknown_parameter", "?at"),
    ],
)
def test_a_malformed_question_is_refused(api: Client, changes: dict[str, str], code: str, pointer: str) -> None:
    query = {"user": "user:vera", "permission": "ledger.post"} | changes

    assert refusal(api.get(EXPLAIN, **query)) == (400, code, [(pointer, code)])


def test_a_question_without_user_or_permission_is_refused(api: Client) -> None:
    answer = api.get(EXPLAIN)

    assert refusal(answer) == (400, "required", [("?user", "required"), ("?permission", "required")])


def test_a3_who_sees_the_roles_of_one_place_learns_nothing_of_another(world: World) -> None:
    make_role("keeper", *KEEPER)
    kim = hire(world, "kim", ("keeper", "A1"))
    vera = world.users["vera"]
    for place in ("A", "A2", "B"):
        bind(user_id=vera, role_code="picker", location_id=world.locations[place])

    # Of somebody who holds nothing within her place she learns nothing at all.
    hidden = kim.get(EXPLAIN, user="user:vera", permission="ledger.post", location="loc:A1")
    assert refusal(hidden) == (400, "unknown_user", [("?user", "unknown_user")])
    bind(user_id=vera, role_code="counter", location_id=world.locations["A1"])

    found = ask(kim, "vera", "ledger.post", "A1")

    # The binding at A is why; what A is called is not hers to see. Those at A2 and B do not exist for her.
    assert found["is_allowed"] is True
    shown = [(each["role"], each["place"], (each["location"] or {}).get("code")) for each in found["bindings"]]
    assert shown == [
        ("viewer", "everywhere", None),
        ("picker", "above", None),
        ("counter", "here", "A1"),
    ]
    for place in ("A", "A2", "B", "NOWHERE"):
        query = {"user": "user:vera", "permission": "ledger.post", "location": f"loc:{place}"}
        assert refusal(kim.get(EXPLAIN, **query)) == (400, "unknown_location", [("?location", "unknown_location")])
    assert refusal(kim.get(EXPLAIN, user="user:vera", permission="ledger.post"))[:2] == (403, "permission_denied")
