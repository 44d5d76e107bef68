"""Sessions of browsers: the cookie, and what a write needs beside it."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.test import APIClient

from apps.identity.models import Session
from apps.parties.models import Party
from audit.django.models import AuditEvent
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import PASSWORD, World

OWN = "http://testserver"
BODY = {"code": "ACME", "name": "Acme"}


class Browser:
    """Keeps its cookie, and sends whatever headers the page sets."""

    def __init__(self) -> None:
        self.http = APIClient(raise_request_exception=True)

    def send(self, method: str, path: str, body: object = None, **headers: str) -> HttpResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        content = "" if body is None else msgspec.json.encode(body).decode()
        answer: HttpResponse = self.http.generic(
            method, f"/api/v1{path}", content, content_type="application/json", headers=given
        )
        return answer

    def sign_in(self, **headers: str) -> HttpResponse:
        body = {"username": "ada", "password": PASSWORD}
        return self.send("POST", "/identity/session", body, **({"Origin": OWN} | headers))


@pytest.fixture
def browser(world: World) -> Browser:
    return Browser()


@pytest.fixture
def csrf(browser: Browser) -> str:
    return str(json_of(browser.sign_in())["csrf_token"])


def test_h1_the_cookie_is_bound_to_the_host_and_to_https_and_hidden_from_scripts(browser: Browser) -> None:
    answer = browser.sign_in()

    cookie = answer.cookies["__Host-session"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert len(cookie.value) == 43
    assert sorted(json_of(answer)) == ["csrf_token"]
    assert cookie.value not in answer.content.decode()
    assert Session.objects.get().cookie_digest is not None
    assert browser.send("GET", "/me").status_code == 200


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ""}])
def test_h2_a_browser_is_signed_in_by_our_own_page_alone(browser: Browser, headers: dict[str, str]) -> None:
    assert refusal(browser.sign_in(**headers))[:2] == (403, "cross_site_request")
    assert Session.objects.count() == 0


# origin, token, whether the write goes ahead
WRITES: list[tuple[str | None, str, bool]] = [
    (OWN, "right", True),
    (OWN, "wrong", False),
    (OWN, "of another session", False),
    (OWN, "", False),
    (OWN, "absent", False),
    (None, "right", False),
    ("", "right", False),
    ("null", "right", False),
    ("https://testserver", "right", False),
    ("http://testserver:8000", "right", False),
    ("http://testserver.evil.example", "right", False),
    ("http://evil.example", "right", False),
    (OWN + "/", "right", False),
]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize(("origin", "token", "goes_ahead"), WRITES)
def test_h2_a_write_with_a_cookie_needs_the_token_and_our_own_origin(
    browser: Browser, csrf: str, method: str, origin: str | None, token: str, *, goes_ahead: bool
) -> None:
    party = Party.objects.create(**BODY)
    another = Browser()
    tokens = {"right": csrf, "wrong": "0" * 64, "of another session": json_of(another.sign_in())["csrf_token"], "": ""}
    headers: dict[str, Any] = {"Idempotency_Key": "k", "If_Match": '"v1"'}
    headers |= {} if origin is None else {"Origin": origin}
    headers |= {} if token == "absent" else {"X_CSRF_Token": tokens[token]}
    path, body = {
        "POST": ("/parties/parties", {"code": "NEW", "name": "New"}),
        "PATCH": (f"/parties/parties/{party.pk}", {"name": "New"}),
        "DELETE": (f"/parties/parties/{party.pk}", None),
    }[method]
    before = AuditEvent.objects.count(), Party.objects.count()

    answer = browser.send(method, path, body, **headers)

    if goes_ahead:
        assert answer.status_code in {200, 201, 204}
        assert AuditEvent.objects.count() == before[0] + 1
    else:
        assert refusal(answer)[:2] == (403, "cross_site_request")
        assert (AuditEvent.objects.count(), Party.objects.count()) == before


def test_h2_reading_needs_the_cookie_alone(browser: Browser, csrf: str) -> None:
    assert browser.send("GET", "/parties/parties").status_code == 200
    assert json_of(browser.send("GET", "/identity/session/current")) == {"csrf_token": csrf}


@pytest.mark.parametrize("authorization", ["Bearer nonsense", "Bearer", "Basic YWRhOng=", "Bearer a b"])
def test_h2_whoever_sends_authorization_is_judged_by_that_alone(
    browser: Browser, csrf: str, authorization: str
) -> None:
    headers = {"Authorization": authorization, "Origin": OWN, "X_CSRF_Token": csrf}

    assert browser.send("GET", "/me", **headers).status_code == 401
    assert browser.send("POST", "/parties/parties", BODY, **headers).status_code == 401
    assert Party.objects.filter(code="ACME").count() == 0


def test_h2_a_token_needs_neither_origin_nor_csrf_and_takes_nothing_from_the_cookie(
    browser: Browser, csrf: str
) -> None:
    pair = json_of(Client("").post("/identity/token", {"username": "vera", "password": PASSWORD}))

    answer = browser.send("GET", "/me", Authorization=f"Bearer {pair['access']}", Origin="https://evil.example")

    assert json_of(answer)["username"] == "vera"
    refused = browser.send("POST", "/parties/parties", BODY, Authorization=f"Bearer {pair['access']}")
    assert refusal(refused)[:2] == (403, "permission_denied")


def test_h2_the_token_routes_ignore_the_cookie(browser: Browser, csrf: str) -> None:
    for path, body in (
        ("/identity/token/refresh", {"refresh": "x"}),
        ("/identity/token", {"username": "ada", "password": "wrong"}),
    ):
        assert browser.send("POST", path, body, Origin=OWN, X_CSRF_Token=csrf).status_code == 401


def test_signing_a_browser_out_ends_the_session(browser: Browser, csrf: str) -> None:
    secret = browser.http.cookies["__Host-session"].value

    answer = browser.send("DELETE", "/identity/session/current", Origin=OWN, X_CSRF_Token=csrf)

    assert (answer.status_code, answer.cookies["__Host-session"].value) == (204, "")
    browser.http.cookies["__Host-session"] = secret
    assert browser.send("GET", "/me").status_code == 401
    assert list(AuditEvent.objects.order_by("seq").values_list("action", flat=True)) == [
        "user.signed_in",
        "session.ended",
    ]


@pytest.mark.parametrize("change", ["revoked", "idle", "old", "off"])
def test_t4_a_cookie_lives_as_long_as_its_session(browser: Browser, csrf: str, change: str) -> None:
    now = timezone.now()
    session = Session.objects.get()
    assert session.expires_at - session.created_at == timedelta(days=30)
    if change == "off":
        session.user.is_active = False
        session.user.save()
    else:
        changes = {"revoked": {"revoked_at": now}, "idle": {"last_used_at": now - timedelta(days=7)}, "old": {}}
        Session.objects.update(**(changes[change] or {"expires_at": now}))

    assert browser.send("GET", "/me").status_code == 401


def test_a_cookie_in_use_is_noted_once_in_five_minutes(browser: Browser, csrf: str) -> None:
    earlier = timezone.now() - timedelta(minutes=4)
    Session.objects.update(last_used_at=earlier)
    browser.send("GET", "/me")
    assert Session.objects.get().last_used_at == earlier

    Session.objects.update(last_used_at=earlier - timedelta(minutes=2))
    browser.send("GET", "/me")
    assert Session.objects.get().last_used_at > earlier


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("value", ["", "x", "null", "0", "a" * 43, "\xff", "'; --"])
def test_a_made_up_cookie_is_nobody(value: str) -> None:
    http = APIClient(raise_request_exception=True)
    http.cookies["__Host-session"] = value

    assert http.get("/api/v1/me").status_code == 401


def test_t2_an_access_token_of_a_browser_s_session_does_not_exist(browser: Browser, csrf: str, world: World) -> None:
    from apps.identity.tokens import AccessToken  # noqa: PLC0415  (to forge what is never handed out)

    token = AccessToken.issue(user_id=world.users["ada"], session_id=Session.objects.get().pk)

    assert Client(token).get("/me").status_code == 401
