"""Each kind of secret opens its own door and no other."""

from collections.abc import Callable

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient

from apps.identity.models import Session, Totp, User
from apps.identity.tests.test_passwords import asked, by_link, give_address, link
from apps.identity.tests.test_second_factors import answered, challenge_in, code_now, sign_in, with_app
from tests.answers import json_of
from tests.client import Client
from tests.world import PASSWORD, World

type Door = Callable[[str], HttpResponse]

KINDS = ["access", "refresh", "challenge", "reset link", "invitation", "cookie"]


def _browser(secret: str) -> HttpResponse:
    http = APIClient(raise_request_exception=True)
    http.cookies["__Host-session"] = secret
    answer: HttpResponse = http.get("/api/v1/me")
    return answer


class Doors:
    """An account with an app, each kind of secret of it, and what each door does with one."""

    def __init__(self, api: Client, invited: User) -> None:
        give_address("ada")
        pair = json_of(sign_in(username="vera"))
        browser = sign_in("/identity/session", username="vera")
        self.totp, _ = with_app(api)
        asked("ada")
        reset = link()
        ada = _with_app(self.totp)
        assert ada.post("/identity/invitations", {"user": str(invited.pk)}).status_code == 202
        self.secrets = {
            "access": pair["access"],
            "refresh": pair["refresh"],
            "challenge": challenge_in(sign_in()),
            "reset link": reset,
            "invitation": link(),
            "cookie": browser.cookies["__Host-session"].value,
        }
        self.doors: dict[str, Door] = {
            "access": lambda secret: Client(secret).get("/me"),
            "refresh": lambda secret: Client("").post("/identity/token/refresh", {"refresh": secret[:200]}),
            "challenge": self._second_factor,
            "reset link": by_link,
            "invitation": lambda secret: by_link(secret, path="/identity/invitations/accept"),
            "cookie": _browser,
        }

    def _second_factor(self, secret: str) -> HttpResponse:
        Totp.objects.update(last_step=0)
        return answered(secret, method="otp", code=code_now(self.totp))


def _with_app(secret: bytes) -> Client:
    answer = answered(challenge_in(sign_in()), method="otp", code=code_now(secret))
    return Client(json_of(answer)["access"])


@pytest.fixture
def doors(api: Client, world: World) -> Doors:
    invited = User.objects.create(username="nina", email="nina@example.com", password="!x")
    return Doors(api, invited)


def test_t2_no_secret_opens_another_s_door_and_each_opens_its_own(doors: Doors) -> None:
    before = Session.objects.count(), list(User.objects.order_by("pk").values_list("password", flat=True))
    crossed = {
        (kind, door): doors.doors[door](doors.secrets[kind]).status_code
        for kind in KINDS
        for door in KINDS
        if kind != door
    }
    assert len(crossed) == 30
    assert {cell: status for cell, status in crossed.items() if status not in {400, 401}} == {}
    after = Session.objects.count(), list(User.objects.order_by("pk").values_list("password", flat=True))
    assert after == before

    own = {kind: doors.doors[kind](doors.secrets[kind]).status_code for kind in KINDS}
    assert own == {
        "access": 200,
        "refresh": 200,
        "challenge": 200,
        "reset link": 204,
        "invitation": 204,
        "cookie": 200,
    }


def test_t2_an_access_token_lives_five_minutes_and_is_for_this_service(world: World) -> None:
    import jwt  # noqa: PLC0415

    token = json_of(Client("").post("/identity/token", {"username": "ada", "password": PASSWORD}))["access"]
    claims = jwt.decode(token, options={"verify_signature": False})

    assert claims["exp"] - claims["iat"] == 300
    assert (claims["iss"], claims["aud"]) == ("http://testserver", "http://testserver")
    assert sorted(claims) == ["aud", "exp", "iat", "iss", "jti", "sid", "sub", "token_type"]
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
