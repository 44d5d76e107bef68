"""Signing in, staying signed in and signing out, through the API."""

from typing import Any

import msgspec
import pytest
from django.http import HttpResponse

from apps.identity.models import RefreshToken, Session, User
from audit.django.models import AuditEvent
from tests.client import Client
from tests.threads import at_once
from tests.world import PASSWORD, World

ANYBODY = Client("")


def json(answer: HttpResponse) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(answer.content)
    return body


def sign_in(username: str = "ada", password: str = PASSWORD) -> HttpResponse:
    return ANYBODY.post("/identity/token", {"username": username, "password": password})


def refresh(token: str) -> HttpResponse:
    return ANYBODY.post("/identity/token/refresh", {"refresh": token})


def trail() -> list[str]:
    return list(AuditEvent.objects.order_by("seq").values_list("action", flat=True))


def test_a_password_is_traded_for_tokens(world: World) -> None:
    answer = sign_in("Ada")

    body = json(answer)
    assert (answer.status_code, sorted(body)) == (200, ["access", "expires_in", "refresh", "token_type"])
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    assert answer["Cache-Control"] == "no-store"
    event = AuditEvent.objects.get()
    assert (event.action, event.object_id, event.actor_id) == ("user.signed_in", str(world.users["ada"]), None)


@pytest.mark.parametrize(
    ("username", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("ada", PASSWORD + " "), ("vera", PASSWORD)]
)
def test_every_refused_sign_in_reads_alike(world: World, username: str, password: str) -> None:
    User.objects.filter(username="vera").update(is_active=False)

    answer = sign_in(username, password)

    body = json(answer)
    assert (answer.status_code, body["code"]) == (401, "sign_in_refused")
    assert body["detail"] == "The username or the password is not right."
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert (RefreshToken.objects.count(), trail()) == (0, [])


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"username": "ada"}, "#/password", "required"),
        ({"username": "ada", "password": "x", "otp": "1"}, "#/otp", "unknown_parameter"),
        ({"username": "a\0da", "password": "x"}, "#/username", "invalid"),
        ({"username": "ada", "password": "x" * 1001}, "#/password", "invalid"),
        ({"username": "ada", "password": 7}, "#/password", "invalid"),
    ],
)
def test_a_malformed_sign_in_names_the_field(world: World, body: object, pointer: str, code: str) -> None:
    answer = ANYBODY.post("/identity/token", body)

    assert answer.status_code == 400
    assert [(problem["pointer"], problem["code"]) for problem in json(answer)["errors"]] == [(pointer, code)]
    assert RefreshToken.objects.count() == 0


def test_a_refresh_token_works_once_and_its_heir_goes_on(world: World) -> None:
    first = json(sign_in())

    second = json(refresh(first["refresh"]))
    third = refresh(second["refresh"])

    assert third.status_code == 200
    assert len({first["refresh"], second["refresh"], json(third)["refresh"]}) == 3
    assert Client(second["access"]).get("/me").status_code == 200


def test_using_a_refresh_token_twice_ends_the_session(world: World) -> None:
    first = json(sign_in())
    second = json(refresh(first["refresh"]))

    again = refresh(first["refresh"])

    assert (again.status_code, json(again)["code"]) == (401, "sign_in_refused")
    assert refresh(second["refresh"]).status_code == 401
    assert Client(second["access"]).get("/me").status_code == 401
    assert Session.objects.filter(revoked_at=None).count() == 0
    assert trail() == ["user.signed_in", "session.reuse_detected"]


def test_another_session_of_the_same_user_lives_on(world: World) -> None:
    stolen, other = json(sign_in()), json(sign_in())
    refresh(stolen["refresh"])

    refresh(stolen["refresh"])

    assert Client(other["access"]).get("/me").status_code == 200


@pytest.mark.usefixtures("world")
def test_an_expired_refresh_token_is_refused() -> None:
    first = json(sign_in())
    RefreshToken.objects.update(expires_at="2020-01-01T00:00:00Z")

    assert refresh(first["refresh"]).status_code == 401
    assert RefreshToken.objects.filter(used_at=None).count() == 1


def test_a_user_who_was_switched_off_is_out_with_the_next_request(world: World) -> None:
    tokens = json(sign_in())
    User.objects.filter(pk=world.users["ada"]).update(is_active=False)

    assert Client(tokens["access"]).get("/me").status_code == 401
    assert refresh(tokens["refresh"]).status_code == 401


def test_signing_out_ends_the_session_and_is_idempotent(world: World) -> None:
    tokens = json(sign_in())

    answers = [ANYBODY.post("/identity/token/revoke", {"refresh": tokens["refresh"]}) for _ in range(2)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b""), (204, b"")]
    assert Client(tokens["access"]).get("/me").status_code == 401
    assert refresh(tokens["refresh"]).status_code == 401
    assert trail() == ["user.signed_in", "session.ended"]


@pytest.mark.usefixtures("world")
def test_signing_out_with_an_unknown_token_is_no_error() -> None:
    assert ANYBODY.post("/identity/token/revoke", {"refresh": "unknown"}).status_code == 204
    assert trail() == []


@pytest.mark.usefixtures("world")
def test_a_stale_access_token_does_not_stop_a_refresh() -> None:
    tokens = json(sign_in())

    answer = Client("stale").post("/identity/token/refresh", {"refresh": tokens["refresh"]})

    assert answer.status_code == 200


@pytest.mark.usefixtures("committed_db", "world")
def test_of_twenty_refreshes_at_once_one_succeeds() -> None:
    token = json(sign_in())["refresh"]

    statuses = at_once(20, lambda _: Client("").post("/identity/token/refresh", {"refresh": token}).status_code)

    assert sorted(statuses) == [200] + [401] * 19
    assert RefreshToken.objects.count() == 2
    assert trail() == ["user.signed_in", "session.reuse_detected"]


@pytest.mark.django_db
def test_the_public_keys_are_public_and_hold_no_private_part() -> None:
    answer = ANYBODY.get("/identity/jwks")

    (key,) = json(answer)["keys"]
    assert sorted(key) == ["alg", "crv", "kid", "kty", "use", "x"]
    assert (key["alg"], key["crv"], key["kty"], key["use"]) == ("EdDSA", "Ed25519", "OKP", "sig")
    assert answer["Cache-Control"] == "public, max-age=300"
