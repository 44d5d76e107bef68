"""Sessions: one use of a refresh token, how long they live, who sees and ends them."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone

from apps.identity.actions import SignInRefused, begin_session, end_sessions
from apps.identity.models import RefreshToken, Session, User
from audit import Origin
from audit.django.models import AuditEvent
from tests.answers import json_of, refusal
from tests.client import Client
from tests.threads import at_once
from tests.world import PASSWORD, World

ANYBODY = Client("")


def tokens(username: str = "ada") -> Any:
    return json_of(ANYBODY.post("/identity/token", {"username": username, "password": PASSWORD}))


def refresh(token: str) -> HttpResponse:
    return ANYBODY.post("/identity/token/refresh", {"refresh": token})


@pytest.mark.usefixtures("committed_db", "world")
def test_t3_one_of_32_parallel_refreshes_succeeds_in_each_of_100_trials() -> None:
    first = [tokens()["refresh"] for _ in range(100)]

    # One pool of threads that start each trial together: 3,200 refreshes, each on a connection of its own.
    def work(_: int) -> list[int]:
        statuses = []
        for token in first:
            barrier.wait(timeout=60)
            statuses.append(refresh(token).status_code)
        return statuses

    barrier = Barrier(32)
    trials = list(zip(*at_once(32, work), strict=True))

    assert [sorted(trial) for trial in trials] == [[200] + [401] * 31] * 100
    assert RefreshToken.objects.count() == 200
    assert Session.objects.filter(revoked_at=None).count() == 0


@pytest.mark.usefixtures("world")
def test_t3_only_digests_of_256_random_bits_are_stored() -> None:
    pair = tokens()

    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text || s::text FROM identity_session_token t, identity_session s")
        stored = str(cursor.fetchall())
    assert len(pair["refresh"]) == 43  # 256 bits in base64url
    assert pair["refresh"] not in stored
    assert pair["refresh"].encode().hex() not in stored


def test_t4_a_replayed_token_ends_the_session_and_everything_that_came_of_it(world: World) -> None:
    first = tokens()
    second = json_of(refresh(first["refresh"]))
    third = json_of(refresh(second["refresh"]))

    assert refusal(refresh(first["refresh"])) == (401, "sign_in_refused", [])

    assert Client(third["access"]).get("/me").status_code == 401
    assert refresh(third["refresh"]).status_code == 401
    assert AuditEvent.objects.filter(action="session.reuse_detected", object_id=str(world.users["ada"])).count() == 1


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("kind", ["idle", "old"])
def test_t4_a_session_ends_after_7_idle_days_and_after_30_days(kind: str) -> None:
    pair = tokens()
    session = Session.objects.get()
    assert session.expires_at - session.created_at == timedelta(days=30)
    token = RefreshToken.objects.get()
    assert token.expires_at - session.created_at == timedelta(days=7)
    assert Client(pair["access"]).get("/me").status_code == 200

    if kind == "idle":
        Session.objects.update(last_used_at=timezone.now() - timedelta(days=7))
    else:
        Session.objects.update(expires_at=timezone.now())

    assert Client(pair["access"]).get("/me").status_code == 401
    assert refusal(refresh(pair["refresh"])) == (401, "sign_in_refused", [])
    assert RefreshToken.objects.filter(used_at=None).count() == 1


@pytest.mark.usefixtures("world")
def test_t4_used_tokens_are_kept_for_as_long_as_they_were_good() -> None:
    first = tokens()
    second = json_of(refresh(first["refresh"]))
    RefreshToken.objects.exclude(used_at=None).update(expires_at=timezone.now())

    assert refresh(second["refresh"]).status_code == 200

    assert RefreshToken.objects.count() == 2


@pytest.mark.usefixtures("world")
def test_t4_a_refresh_late_in_a_session_does_not_outlive_it() -> None:
    pair = tokens()
    soon = timezone.now() + timedelta(hours=1)
    Session.objects.update(expires_at=soon)

    assert refresh(pair["refresh"]).status_code == 200

    assert RefreshToken.objects.get(used_at=None).expires_at == soon


def test_t6_when_an_account_is_switched_off_all_of_its_sessions_are_dead_for_good(world: World) -> None:
    pairs = [tokens() for _ in range(3)]
    other = tokens("vera")

    User.objects.filter(pk=world.users["ada"]).update(is_active=False)
    assert end_sessions(user_id=world.users["ada"], at=timezone.now()) == 3
    User.objects.filter(pk=world.users["ada"]).update(is_active=True)

    assert [refresh(pair["refresh"]).status_code for pair in pairs] == [401] * 3
    assert [Client(pair["access"]).get("/me").status_code for pair in pairs] == [401] * 3
    assert Client(other["access"]).get("/me").status_code == 200


def test_t6_the_refresh_of_a_deleted_user_is_401(world: World) -> None:
    user = User.objects.create(username="gone", password=User.objects.get(username="ada").password)
    pair = tokens("gone")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
    user.delete()

    assert refresh(pair["refresh"]).status_code == 401
    assert Client(pair["access"]).get("/me").status_code == 401


def test_p5_no_session_begins_for_a_service(world: World) -> None:
    del world
    service = User.objects.create(username="erp", kind="service", password="!")
    origin = Origin(actor_id=None, at=timezone.now(), request_id="x")

    with pytest.raises(SignInRefused):
        begin_session(user=service, methods=["fed"], origin=origin)

    assert Session.objects.count() == 0


def test_somebody_sees_and_ends_their_own_sessions(world: World, as_user: Callable[[str], Client]) -> None:
    other = tokens("vera")
    vera = as_user("vera")
    Client.signed_in("ada", PASSWORD)

    shown = json_of(vera.get("/identity/sessions"))["results"]

    assert [(each["is_current"], each["kind"], each["methods"], each["ip"]) for each in shown] == [
        (True, "tokens", ["pwd"], "127.0.0.1"),
        (False, "tokens", ["pwd"], "127.0.0.1"),
    ]
    assert vera.delete(f"/identity/sessions/{shown[1]['id']}").status_code == 204
    assert Client(other["access"]).get("/me").status_code == 401
    assert [each["id"] for each in json_of(vera.get("/identity/sessions"))["results"]] == [shown[0]["id"]]
    event = AuditEvent.objects.get(action="session.ended")
    assert (event.actor_id, event.object_id) == (world.users["vera"], str(world.users["vera"]))


def test_sessions_of_others_are_for_those_who_may_see_and_manage_users(
    world: World, as_user: Callable[[str], Client]
) -> None:
    vera, ada, alan = as_user("vera"), as_user("ada"), as_user("alan")
    (session,) = json_of(ada.get("/identity/sessions", user=str(world.users["vera"])))["results"]

    assert refusal(alan.get("/identity/sessions", user=str(world.users["vera"])))[:2] == (403, "permission_denied")
    assert refusal(alan.delete(f"/identity/sessions/{session['id']}"))[:2] == (404, "not_found")
    assert refusal(alan.delete("/identity/sessions/x"))[:2] == (404, "not_found")
    assert vera.get("/me").status_code == 200
    assert ada.delete(f"/identity/sessions/{session['id']}").status_code == 204
    assert vera.get("/me").status_code == 401
    assert refusal(ada.get("/identity/sessions", user="nobody")) == (400, "unknown_user", [("?user", "unknown_user")])


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("curl/8.5.0", "curl"),
        ("\x1b[31m<b>", ""),
        ("", ""),
    ],
)
def test_a_session_names_the_device(said: str, shown: str) -> None:
    body = {"username": "ada", "password": PASSWORD}
    assert ANYBODY.post("/identity/token", body, headers={"User-Agent": said}).status_code == 200
    assert Session.objects.get().agent == shown
