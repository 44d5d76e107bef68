"""Users and service accounts, through the API, and who may change whom."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.identity.actions import HoldsMore, change_user, grant_role
from apps.identity.models import ApiKey, Session, User
from apps.identity.tests.hiring import make_group
from apps.identity.types import Authority
from audit import Origin
from audit.django.models import AuditEvent
from rbac import Grant, Grants
from rbac.django.actions import bind
from rbac.django.models import Role
from tests.answers import json_of, refusal
from tests.client import Client
from tests.threads import at_once
from tests.world import PASSWORD, World

SITE_ADMIN = ["identity.manage_keys", "identity.manage_users", "identity.view_users"]
BEA = {"username": "bea", "name": "Bea"}


def site_admin(world: World, as_user: Callable[[str], Client]) -> Client:
    """Let alan, who manages warehouse A, manage the users there as well."""
    role = Role.objects.create(code="site-admin", name="Site admin", permissions=SITE_ADMIN)
    bind(user_id=world.users["alan"], role_code=role.code, location_id=world.locations["A"])
    return as_user("alan")


def hire(world: World, username: str, *bound: tuple[str, str | None]) -> User:
    user = User(username=username, name=username.title(), email=f"{username}@example.com", email_verified=True)
    user.set_password(PASSWORD)
    user.save(force_insert=True)
    for role, place in bound:
        bind(user_id=user.pk, role_code=role, location_id=world.locations[place] if place else None)
    user.refresh_from_db()
    return user


def usernames(client: Client, path: str = "/identity/users", **query: str) -> list[str]:
    return [user["username"] for user in json_of(client.get(path, **query))["results"]]


def test_a_user_is_created_read_and_changed(api: Client, world: World) -> None:
    made = api.post("/identity/users", {**BEA, "email": "bea@example.com", "language": "de", "password": PASSWORD})
    path = made["Location"].removeprefix("/api/v1")
    changed = api.patch(path, {"language": None, "time_zone": "Europe/Berlin"}, version=1)

    assert (made.status_code, made["ETag"], changed.status_code, changed["ETag"]) == (201, '"v1"', 200, '"v2"')
    body = json_of(api.get("/identity/users/user:bea"))
    assert body == {
        "id": path.rpartition("/")[2],
        "username": "bea",
        "name": "Bea",
        "email": "bea@example.com",
        "email_verified": False,
        "language": None,
        "time_zone": "Europe/Berlin",
        "is_active": True,
        "version": 2,
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
    }
    created, altered = AuditEvent.objects.filter(object_id=body["id"]).order_by("seq")
    assert (created.action, created.actor_id, altered.action) == ("user.created", world.users["ada"], "user.changed")
    assert altered.before is not None
    assert altered.after is not None
    assert (altered.before["language"], altered.after["time_zone"]) == ("de", "Europe/Berlin")
    assert PASSWORD not in str([created.after, altered.before, altered.after])
    assert Client.signed_in("bea", PASSWORD).get("/me").status_code == 200


def test_a_new_user_without_a_password_cannot_sign_in_with_any(api: Client) -> None:
    assert api.post("/identity/users", BEA).status_code == 201

    for password in ("", "!", "null"):
        answer = Client("").post("/identity/token", {"username": "bea", "password": password})
        assert answer.status_code == 401
    assert not Session.objects.filter(user__username="bea").exists()


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({"username": ""}, 400, [("#/username", "invalid")]),
        ({"username": "bea bea"}, 400, [("#/username", "invalid")]),
        ({"username": None}, 400, [("#/username", "invalid")]),
        ({"email": "bea"}, 400, [("#/email", "invalid")]),
        ({"email": ""}, 400, [("#/email", "invalid")]),
        ({"email": ["bea@example.com"]}, 400, [("#/email", "invalid")]),
        ({"time_zone": "Europe/Berln"}, 400, [("#/time_zone", "unknown_time_zone")]),
        ({"time_zone": "../etc/passwd"}, 400, [("#/time_zone", "invalid")]),
        ({"language": "german!"}, 400, [("#/language", "invalid")]),
        ({"password": "short"}, 400, [("#/password", "weak_password")] * 2),  # too short, and few characters of its own
        ({"is_active": False}, 400, [("#/is_active", "unknown_parameter")]),
        ({"kind": "service"}, 400, [("#/kind", "unknown_parameter")]),
        ({"email_verified": True}, 400, [("#/email_verified", "unknown_parameter")]),
        ({"is_superuser": True}, 400, [("#/is_superuser", "unknown_parameter")]),
        ({"username": "ADA"}, 409, []),
        ({"email": "Vera@Example.com"}, 409, []),
    ],
)
def test_a5_a_refused_user_is_not_created(
    api: Client, changes: dict[str, Any], status: int, expected: list[tuple[str, str]]
) -> None:
    User.objects.filter(username="vera").update(email="vera@example.com")
    before = (User.objects.count(), AuditEvent.objects.count())

    answer = api.post("/identity/users", {**BEA, **changes})

    assert (answer.status_code, refusal(answer)[2]) == (status, expected)
    assert (User.objects.count(), AuditEvent.objects.count()) == before


@pytest.mark.parametrize("nothing", ["", None, [], ["x"], {}, 0, False], ids=repr)
def test_t7_nothing_is_no_secret(api: Client, nothing: object) -> None:
    hash_before = User.objects.get(username="ada").password
    tried = [
        Client("").post("/identity/token", {"username": "ada", "password": nothing}),
        Client("").post("/identity/token/refresh", {"refresh": nothing}),
        Client("").post("/identity/token/revoke", {"refresh": nothing}),
        api.post("/identity/users", {**BEA, "password": nothing}),
    ]

    assert {answer.status_code for answer in tried} <= {400, 401}
    assert not User.objects.filter(username="bea").exists()
    assert User.objects.get(username="ada").password == hash_before
    assert Session.objects.count() == 1  # api's own


def test_a_user_can_be_tried_without_being_stored(api: Client) -> None:
    answer = api.post("/identity/users?validate_only=true", BEA)

    assert (answer.status_code, json_of(answer)) == (200, {"valid": True})
    assert not User.objects.filter(username="bea").exists()


def test_a_change_needs_the_version_that_was_read(api: Client, world: World) -> None:
    path = f"/identity/users/{world.users['vera']}"

    assert refusal(api.patch(path, {"name": "V"})) == (428, "version_required", [])
    assert refusal(api.patch(path, {"name": "V"}, version=7)) == (412, "stale_version", [])
    assert User.objects.get(username="vera").name == "Vera"


def test_a_new_address_is_not_verified(api: Client, world: World) -> None:
    bea = hire(world, "bea")

    same = api.patch(f"/identity/users/{bea.pk}", {"email": "bea@example.com", "name": "B"}, version=1)
    other = api.patch(f"/identity/users/{bea.pk}", {"email": "b@example.com"}, version=2)

    assert [json_of(answer)["email_verified"] for answer in (same, other)] == [True, False]


def test_t6_a_disabled_user_is_out_and_stays_out_of_old_sessions(api: Client, world: World) -> None:
    vera = Client.signed_in("vera", PASSWORD)

    answers = [api.post("/identity/users/user:vera/disable", None) for _ in range(2)]

    assert [(answer.status_code, json_of(answer)["is_active"]) for answer in answers] == [(200, False)] * 2
    assert vera.get("/me").status_code == 401
    assert AuditEvent.objects.filter(action="user.disabled").count() == 1
    api.post("/identity/users/user:vera/enable", None)
    assert vera.get("/me").status_code == 401
    assert Client.signed_in("vera", PASSWORD).get("/me").status_code == 200


def test_nobody_disables_themselves(api: Client) -> None:
    assert refusal(api.post("/identity/users/user:ada/disable", None)) == (409, "own_account", [])
    assert User.objects.get(username="ada").is_active


def test_no_user_is_deleted(api: Client, world: World) -> None:
    assert api.delete(f"/identity/users/{world.users['vera']}", version=1).status_code == 405
    assert User.objects.filter(username="vera").exists()


@pytest.mark.parametrize(
    "bound",
    [
        [("administrator", None)],
        [("viewer", None)],
        [("viewer", "B")],
        [("viewer", "A"), ("viewer", "B1")],
        [("auditor", "A")],
    ],
    ids=repr,
)
def test_a6_nobody_takes_over_who_holds_more(
    world: World, as_user: Callable[[str], Client], bound: list[tuple[str, str | None]]
) -> None:
    alan = site_admin(world, as_user)
    bea = hire(world, "bea", ("viewer", "A2"), *bound)
    state = User.objects.filter(pk=bea.pk).values().get()
    events = AuditEvent.objects.count()
    key = {"name": "x", "permissions": ["ledger.view"], "expires_at": timezone.now() + timedelta(days=1)}

    tried = [
        alan.patch(f"/identity/users/{bea.pk}", {"email": "eve@example.com"}, version=1),
        alan.patch(f"/identity/users/{bea.pk}", {"username": "eve"}, version=1),
        alan.post(f"/identity/users/{bea.pk}/disable", None),
        alan.post(f"/identity/users/{bea.pk}/enable", None),
        alan.post("/identity/keys", {**key, "user": str(bea.pk)}),
    ]

    assert [refusal(answer)[:2] for answer in tried] == [(403, "holds_more")] * len(tried)
    assert User.objects.filter(pk=bea.pk).values().get() == state
    assert (ApiKey.objects.count(), AuditEvent.objects.count()) == (0, events)


def test_a6_what_somebody_is_going_to_hold_counts(world: World, as_user: Callable[[str], Client]) -> None:
    alan = site_admin(world, as_user)
    bea = hire(world, "bea", ("viewer", "A2"))
    tomorrow = timezone.now() + timedelta(days=1)
    bind(user_id=bea.pk, role_code="administrator", location_id=None, valid_from=tomorrow)

    answer = alan.patch(f"/identity/users/{bea.pk}", {"email": "eve@example.com"}, version=1)

    assert refusal(answer) == (403, "holds_more", [])
    assert User.objects.get(pk=bea.pk).email == "bea@example.com"


def test_a6_what_is_held_through_a_group_counts(world: World, as_user: Callable[[str], Client]) -> None:
    alan = site_admin(world, as_user)
    bea = hire(world, "bea", ("viewer", "A2"))
    bind(group_id=make_group("admins", bea.pk).pk, role_code="administrator", location_id=None)

    answer = alan.patch(f"/identity/users/{bea.pk}", {"email": "eve@example.com"}, version=1)

    assert refusal(answer) == (403, "holds_more", [])
    assert User.objects.get(pk=bea.pk).email == "bea@example.com"


def test_a6_who_holds_it_for_a_day_does_not_take_over_who_holds_it_for_good(
    world: World, as_user: Callable[[str], Client]
) -> None:
    hire(world, "bea", ("administrator", None))
    temp = hire(world, "temp")
    tomorrow = timezone.now() + timedelta(days=1)
    bind(user_id=temp.pk, role_code="administrator", location_id=None, valid_until=tomorrow)

    answer = as_user("temp").patch("/identity/users/user:bea", {"email": "eve@example.com"}, version=1)

    assert refusal(answer) == (403, "holds_more", [])
    assert User.objects.get(username="bea").email == "bea@example.com"


@pytest.mark.parametrize("bound", [[], [("picker", "A1")], [("warehouse-manager", "A")]], ids=repr)
def test_who_is_covered_is_managed(
    world: World, as_user: Callable[[str], Client], bound: list[tuple[str, str | None]]
) -> None:
    alan = site_admin(world, as_user)
    bea = hire(world, "bea", *bound)

    assert alan.patch(f"/identity/users/{bea.pk}", {"email": "b@example.com"}, version=1).status_code == 200
    assert alan.post(f"/identity/users/{bea.pk}/disable", None).status_code == 200


def test_a3_who_works_elsewhere_does_not_exist(world: World, as_user: Callable[[str], Client]) -> None:
    alan = site_admin(world, as_user)
    hire(world, "canary", ("picker", "B1"))
    hire(world, "bea", ("picker", "A1"))
    hire(world, "new")
    bind(
        group_id=make_group("at-b", hire(world, "grouped").pk).pk, role_code="picker", location_id=world.locations["B"]
    )
    bind(
        group_id=make_group("at-a", hire(world, "member").pk).pk, role_code="picker", location_id=world.locations["A1"]
    )

    assert usernames(alan) == ["alan", "bea", "member", "new"]
    assert json_of(alan.get("/identity/users", count="exact"))["count"] == 4
    assert usernames(alan, username="canary") == usernames(alan, email="canary@example.com") == []
    for selector in ("user:canary", "user:grouped", "user:nobody"):
        assert refusal(alan.get(f"/identity/users/{selector}")) == (404, "not_found", [])
        assert refusal(alan.patch(f"/identity/users/{selector}", {"name": "x"}, version=1)) == (404, "not_found", [])
        assert refusal(alan.post(f"/identity/users/{selector}/disable", None)) == (404, "not_found", [])
    assert User.objects.get(username="canary").is_active


@pytest.mark.parametrize("path", ["/identity/users", "/identity/service-accounts"])
def test_a1_users_are_for_those_who_hold_the_permission(as_user: Callable[[str], Client], path: str) -> None:
    vera = as_user("vera")

    assert vera.get(path).status_code == vera.post(path, BEA).status_code == 403
    assert Client("").get(path).status_code == Client("").post(path, BEA).status_code == 401
    assert not User.objects.filter(username="bea").exists()


def test_lists_are_filtered_and_keep_people_and_services_apart(api: Client, world: World) -> None:
    hire(world, "bea")
    api.post("/identity/service-accounts", {"username": "erp", "name": "ERP"})
    api.post("/identity/users/user:bea/disable", None)

    assert usernames(api) == ["ada", "alan", "bea", "vera"]
    assert usernames(api, sort="-created_at") == ["bea", "vera", "alan", "ada"]
    assert usernames(api, active="no") == usernames(api, email="bea@example.com") == ["bea"]
    assert usernames(api, active="yes", username__icontains="A") == ["ada", "alan", "vera"]
    assert usernames(api, name__icontains="VER") == usernames(api, username="vera") == ["vera"]
    assert usernames(api, "/identity/service-accounts") == ["erp"]
    assert api.get("/identity/users/user:erp").status_code == 404
    assert api.get("/identity/service-accounts/user:bea").status_code == 404


def test_a_service_account_is_made_changed_and_signs_in_with_keys_only(api: Client) -> None:
    made = api.post("/identity/service-accounts", {"username": "erp", "name": "ERP"})
    id_ = json_of(made)["id"]

    assert (made.status_code, json_of(made)["version"]) == (201, 1)
    assert json_of(api.patch(f"/identity/service-accounts/{id_}", {"name": "SAP"}, version=1))["name"] == "SAP"
    assert api.patch(f"/identity/service-accounts/{id_}", {"email": "e@example.com"}, version=2).status_code == 400
    for changes in ({"password": PASSWORD}, {"email": "erp@example.com"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.filter(pk=id_).update(**changes)
    assert Client("").post("/identity/token", {"username": "erp", "password": PASSWORD}).status_code == 401


def test_one_changes_ones_own_profile_and_nothing_else(as_user: Callable[[str], Client], world: World) -> None:
    vera = as_user("vera")
    before = vera.get("/me")

    changed = vera.patch("/me", {"name": "Vera V", "language": "pt-BR", "time_zone": "Europe/Lisbon"}, version=1)

    assert (before["ETag"], changed.status_code, changed["ETag"]) == ('"v1"', 200, '"v2"')
    body = json_of(vera.get("/me"))
    assert (body["name"], body["language"], body["time_zone"]) == ("Vera V", "pt-BR", "Europe/Lisbon")
    for name in ("username", "email", "is_active", "kind", "password", "permissions", "email_verified"):
        assert refusal(vera.patch("/me", {name: "x"}, version=2)) == (
            400,
            "unknown_parameter",
            [(f"#/{name}", "unknown_parameter")],
        )
    assert refusal(vera.patch("/me", {"name": "V"}, version=1)) == (412, "stale_version", [])
    assert AuditEvent.objects.filter(action="user.changed", actor_id=world.users["vera"]).count() == 1


@pytest.mark.usefixtures("committed_db")
def test_a4_a_role_that_is_granted_meanwhile_is_seen(world: World) -> None:
    """A change that waits for a grant to be committed sees it, and is refused."""
    bea = hire(world, "bea")
    by = Authority(grants=Grants((Grant(frozenset(SITE_ADMIN), None),)), self_id=None)
    origin = Origin(actor_id=world.users["alan"], at=timezone.now(), request_id="race")

    def run(number: int) -> str:
        if number == 0:
            with transaction.atomic():
                grant_role(user=bea, role_code="administrator", location_id=None, origin=origin)
                granted.wait(timeout=30)
                _await_a_waiter()
            return "granted"
        granted.wait(timeout=30)
        try:
            change_user(bea, {"email": "eve@example.com"}, by=by, origin=origin)
        except HoldsMore:
            return "refused"
        return "taken over"

    granted = Barrier(2)
    assert at_once(2, run) == ["granted", "refused"]
    assert User.objects.get(pk=bea.pk).email == "bea@example.com"


def _await_a_waiter() -> None:
    """Return once another session of this database waits for a lock."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                " WHERE NOT l.granted AND a.datname = current_database()"
            )
            if cursor.fetchone() != (0,):
                return
        time.sleep(0.02)
