"""Who the caller is and what they may do where."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
from django.utils import timezone

from apps.identity.permissions import BUILTIN_ROLES
from rbac.django.actions import bind
from tests.client import Client
from tests.world import World


def test_shows_roles_permissions_and_where_they_hold(world: World, as_user: Callable[[str], Client]) -> None:
    codes = sorted(BUILTIN_ROLES["warehouse-manager"][1])

    answer = as_user("alan").get("/me")

    assert answer.status_code == 200
    assert msgspec.json.decode(answer.content) == {
        "id": str(world.users["alan"]),
        "username": "alan",
        "name": "Alan",
        "kind": "person",
        "email": None,
        "email_verified": False,
        "language": None,
        "time_zone": None,
        "roles": ["warehouse-manager"],
        "permissions": codes,
        "grants": [
            {
                "role": "warehouse-manager",
                "permissions": codes,
                "location": {"id": str(world.locations["A"]), "code": "A", "name": "A"},
                "group": None,
                "valid_until": None,
            }
        ],
    }


def test_a_role_held_everywhere_has_no_location(world: World, as_user: Callable[[str], Client]) -> None:
    body = msgspec.json.decode(as_user("vera").get("/me").content)

    assert [(grant["role"], grant["location"]) for grant in body["grants"]] == [("viewer", None)]


def test_leaves_out_what_holds_no_longer_or_not_yet(world: World, as_user: Callable[[str], Client]) -> None:
    now = timezone.now()
    for role, start, end in (
        ("auditor", None, now),
        ("planner", now + timedelta(hours=1), None),
        ("picker", None, now + timedelta(hours=1)),
    ):
        bind(user_id=world.users["vera"], role_code=role, location_id=None, valid_from=start, valid_until=end)

    body = msgspec.json.decode(as_user("vera").get("/me").content)

    assert body["roles"] == ["picker", "viewer"]
    assert body["permissions"] == sorted(BUILTIN_ROLES["picker"][1])


def test_is_for_those_who_are_signed_in(world: World) -> None:
    answers = [Client(token).get("/me") for token in ("", "nonsense")]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert [msgspec.json.decode(answer.content)["code"] for answer in answers] == ["not_authenticated"] * 2
