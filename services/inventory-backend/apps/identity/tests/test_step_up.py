"""What asks for a proof of the last five minutes, and how one is renewed."""

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.identity.models import Session, Totp, User
from apps.identity.tests.authenticator import Authenticator
from apps.identity.tests.test_second_factors import challenge_in, code_now, with_app, with_passkey
from rbac.django.routes import routes
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import PASSWORD, World

# Whoever adds a route that changes how somebody signs in, or who may do what, adds it here.
SENSITIVE = {
    "POST /api/v1/identity/factors/totp",
    "DELETE /api/v1/identity/factors/totp",
    "POST /api/v1/identity/factors/totp/confirm",
    "POST /api/v1/identity/factors/passkeys",
    "POST /api/v1/identity/factors/passkeys/options",
    "DELETE /api/v1/identity/factors/passkeys/<str:passkey_id>",
    "POST /api/v1/identity/factors/recovery-codes",
    "DELETE /api/v1/identity/users/<str:user_id>/factors",
    "POST /api/v1/identity/invitations",
    "POST /api/v1/identity/users",
    "PATCH /api/v1/identity/users/<str:selector>",
    "POST /api/v1/identity/users/<str:selector>/disable",
    "POST /api/v1/identity/users/<str:selector>/enable",
    "POST /api/v1/identity/service-accounts",
    "PATCH /api/v1/identity/service-accounts/<str:selector>",
    "POST /api/v1/identity/service-accounts/<str:selector>/disable",
    "POST /api/v1/identity/service-accounts/<str:selector>/enable",
    "POST /api/v1/identity/keys",
    "POST /api/v1/identity/providers",
    "PATCH /api/v1/identity/providers/<str:selector>",
    "DELETE /api/v1/identity/providers/<str:selector>",
    "POST /api/v1/identity/providers/<str:selector>/test",
    "POST /api/v1/identity/providers/<str:selector>/enable",
    "POST /api/v1/identity/providers/<str:selector>/disable",
    "POST /api/v1/identity/providers/<str:code>/link",
    "POST /api/v1/identity/roles",
    "PATCH /api/v1/identity/roles/<str:selector>",
    "DELETE /api/v1/identity/roles/<str:selector>",
    "POST /api/v1/identity/groups",
    "PATCH /api/v1/identity/groups/<str:selector>",
    "DELETE /api/v1/identity/groups/<str:selector>",
    "POST /api/v1/identity/groups/<str:selector>/members",
    "DELETE /api/v1/identity/groups/<str:selector>/members/<str:user>",
    "POST /api/v1/identity/bindings",
    "DELETE /api/v1/identity/bindings/<str:selector>",
}


def age(seconds: int) -> None:
    Session.objects.update(authenticated_at=timezone.now() - timedelta(seconds=seconds))


def call(client: Client, route: str) -> int:
    method, _, path = route.partition(" ")
    path = re.sub("<.*?>", lambda _: str(uuid4()), path.removeprefix("/api/v1"))
    match method:
        case "DELETE":
            answer = client.delete(path, version=1)
        case "PATCH":
            answer = client.patch(path, {}, version=1)
        case _:
            answer = client.post(path, {})
    return 401 if answer.status_code == 401 and json_of(answer)["code"] == "proof_too_old" else answer.status_code


def test_p6_these_routes_ask_for_a_recent_proof() -> None:
    found = {
        f"{method} {route.path}"
        for route in routes()
        for method, declared in route.permissions.items()
        if any(permission.step_up for permission in declared)
    }
    assert found == SENSITIVE


@pytest.mark.parametrize("route", sorted(SENSITIVE))
def test_p6_an_old_proof_is_refused(api: Client, world: World, route: str) -> None:
    age(301)
    before = list(User.objects.order_by("pk").values()), Totp.objects.count()

    assert call(api, route) == 401
    assert (list(User.objects.order_by("pk").values()), Totp.objects.count()) == before
    assert api.get("/me").status_code == 200


@pytest.mark.parametrize("route", sorted(SENSITIVE))
def test_p6_a_recent_proof_is_accepted(api: Client, route: str) -> None:
    age(240)

    assert call(api, route) in {200, 400, 404}


@pytest.mark.parametrize("route", sorted(SENSITIVE))
def test_p6_no_api_key_is_a_proof(api: Client, route: str) -> None:
    expires_at = (timezone.now() + timedelta(days=1)).isoformat()
    body = {
        "name": "all",
        "permissions": ["identity.manage_users", "identity.manage_roles", "identity.manage_providers"],
        "expires_at": expires_at,
    }
    key = Client(json_of(api.post("/identity/keys", body))["key"])
    before = list(User.objects.order_by("pk").values())

    assert call(key, route) == 401
    assert list(User.objects.order_by("pk").values()) == before


def test_p6_the_refusal_says_what_is_asked_for(api: Client) -> None:
    age(301)

    answer = api.post("/identity/factors/totp", {})

    assert refusal(answer)[:2] == (401, "proof_too_old")
    assert answer["WWW-Authenticate"] == 'Bearer error="insufficient_user_authentication", max_age="300"'


def test_p6_a_password_renews_the_proof_of_this_session_alone(api: Client, world: World) -> None:
    Client.signed_in("ada", PASSWORD)
    age(301)

    assert refusal(api.post("/identity/proof", {"password": "wrong"}))[:2] == (401, "sign_in_refused")
    assert api.post("/identity/factors/totp", {}).status_code == 401
    assert api.post("/identity/proof", {"password": PASSWORD}).status_code == 204

    assert api.post("/identity/factors/totp", {}).status_code == 200
    recent = Session.objects.filter(authenticated_at__gt=timezone.now() - timedelta(minutes=1))
    assert recent.count() == 1


def test_p6_a_password_alone_renews_nothing_where_there_is_a_second_factor(
    api: Client, as_user: Callable[[str], Client]
) -> None:
    secret, _ = with_app(api)
    challenge = challenge_in(Client("").post("/identity/token", {"username": "ada", "password": PASSWORD}))
    body = {"challenge": challenge, "method": "otp", "code": code_now(secret)}
    ada = Client(json_of(Client("").post("/identity/token/second-factor", body))["access"])
    Totp.objects.update(last_step=0)
    age(301)

    asked = challenge_in(ada.post("/identity/proof", {"password": PASSWORD}))
    assert refusal(ada.post("/identity/factors/recovery-codes", {}))[:2] == (401, "proof_too_old")
    # Neither a challenge of a sign-in, nor somebody else's, will do.
    other = challenge_in(Client("").post("/identity/token", {"username": "ada", "password": PASSWORD}))
    for client, wrong in ((ada, other), (as_user("vera"), asked)):
        again = client.post("/identity/proof/second-factor", body | {"challenge": wrong, "code": code_now(secret)})
        assert refusal(again)[:2] == (401, "sign_in_refused")
    token = Client("").post("/identity/token/second-factor", body | {"challenge": asked, "code": code_now(secret)})
    assert token.status_code == 401
    done = ada.post("/identity/proof/second-factor", body | {"challenge": asked, "code": code_now(secret)})

    assert done.status_code == 204
    assert ada.post("/identity/factors/recovery-codes", {}).status_code == 200


def test_p6_a_passkey_s_setting_up_needs_no_more_than_that(api: Client) -> None:
    with_passkey(api, Authenticator())
