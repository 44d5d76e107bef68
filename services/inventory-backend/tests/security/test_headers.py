"""What every answer carries, in production's settings; and what a client may claim about itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.http import HttpResponse
from django.test import override_settings

from apps.common.api import limits
from audit.django.models import AuditEvent
from config.settings import prod
from tests.answers import json_of
from tests.security.addresses import Address, addresses
from tests.security.asking import ask, token_of
from tests.world import PASSWORD, World

# Whoever changes a header changes this file: kind of answer -> header -> value.
SNAPSHOT: Final[dict[str, dict[str, str]]] = json.loads(
    Path(__file__).with_name("headers.json").read_text(encoding="utf-8")
)
# Differ from answer to answer; some have tests of their own.
VARYING: Final = {
    *("Content-Length", "Content-Type", "X-Request-Id", "Allow", "ETag", "Location", "WWW-Authenticate"),
    *("RateLimit", "RateLimit-Policy"),
}
OF_PRODUCTION: Final = {
    name: getattr(prod, name)
    for name in (
        "DEBUG",
        "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS",
        "SECURE_HSTS_PRELOAD",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SECURE_CSP",
        "SECURE_REFERRER_POLICY",
        "SECURE_CROSS_ORIGIN_OPENER_POLICY",
        "X_FRAME_OPTIONS",
    )
}


@pytest.fixture
def production() -> Iterator[None]:
    with override_settings(**OF_PRODUCTION):
        yield


def _expected(address: Address, answer: HttpResponse) -> dict[str, str]:
    if address.path.startswith(("/api/", "/scim/")):
        is_cached = address.path.endswith("/jwks") and answer.status_code == 200
        return SNAPSHOT["keys" if is_cached else "api"]
    return SNAPSHOT["page" if answer["Content-Type"].startswith("text/html") else "data"]


def _steady(answer: HttpResponse) -> dict[str, str]:
    return {name: value for name, value in answer.items() if name not in VARYING}


@pytest.mark.parametrize("username", ["", "ada"])
def test_h1_every_route_answers_with_the_headers_of_its_kind(production: None, world: World, username: str) -> None:
    token = token_of(username, secure=True) if username else ""
    for address in addresses():
        for method in ("GET", "POST", "DELETE"):
            answer = ask(method, address.path, token=token, secure=True)
            assert _steady(answer) == _expected(address, answer), (method, address)
            assert not answer.cookies, (method, address)


def test_h1_errors_outside_the_routes_carry_them_too(production: None, db: None, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.security.broken_urls"
    answers = {
        404: ask("GET", "/nothing/here", secure=True),
        400: ask("GET", "/broken", headers={"Host": "evil.example"}, secure=True),
        500: ask("GET", "/broken", secure=True),
    }
    for status, answer in answers.items():
        assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
        assert _steady(answer) == SNAPSHOT["data"], status


def test_h1_a_refusal_for_asking_too_often_carries_them_too(production: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_networks", limits.Counters(limits.Policy(name="network", quota=1)))
    _, refused = ask("GET", "/nothing", secure=True), ask("GET", "/nothing", secure=True)
    headers = _steady(refused)
    assert (refused.status_code, headers.pop("Retry-After")) == (429, "60")
    assert headers == SNAPSHOT["data"]


def test_h1_plain_http_is_sent_to_https(production: None) -> None:
    answer = ask("GET", "/api/v1/me")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/api/v1/me")


def test_h1_cookies_are_secure_where_there_are_any() -> None:
    assert (prod.SESSION_COOKIE_SECURE, prod.CSRF_COOKIE_SECURE) == (True, True)
    assert prod.SECURE_HSTS_SECONDS >= 365 * 24 * 3600


# What a client may say about itself that only a proxy of ours may say.
SPOOFED: Final = {
    "X-Forwarded-For": "203.0.113.66",
    "X-Real-IP": "203.0.113.66",
    "Forwarded": "for=203.0.113.66;host=evil.example;proto=https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "444",
}


def _signed_in_from(trusted: int, **headers: str) -> str | None:
    with override_settings(TRUSTED_PROXIES=trusted):
        content = json.dumps({"username": "ada", "password": PASSWORD}).encode()
        answer = ask("POST", "/api/v1/identity/token", content, headers=headers, REMOTE_ADDR="192.0.2.1")
    assert answer.status_code == 200
    return AuditEvent.objects.filter(action="user.signed_in").latest("seq").ip


def test_h3_a_spoofed_address_is_not_believed(world: World) -> None:
    assert _signed_in_from(0, **SPOOFED) == "192.0.2.1"


@pytest.mark.parametrize(
    ("trusted", "forwarded", "seen"),
    [
        (0, "203.0.113.66", "192.0.2.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.66, 198.51.100.7", "198.51.100.7"),
        (2, "203.0.113.66, 198.51.100.7, 192.0.2.9", "198.51.100.7"),
        (2, "198.51.100.7", "192.0.2.1"),
        (1, "unknown", "192.0.2.1"),
        (1, "198.51.100.7:443", "192.0.2.1"),
        (1, "'; DROP TABLE audit_event; --", "192.0.2.1"),
        (1, "2001:0db8:0::0001", "2001:db8::1"),
        (1, "fe80::1%eth0", "fe80::1"),
    ],
)
def test_h3_the_address_is_the_one_that_the_outermost_trusted_proxy_saw(
    world: World, trusted: int, forwarded: str, seen: str
) -> None:
    assert _signed_in_from(trusted, **{"X-Forwarded-For": forwarded}) == seen


def test_h3_links_never_lead_to_a_host_that_the_client_made_up(world: World) -> None:
    token, page = token_of("ada"), "/api/v1/locations/locations?limit=1"
    answer = ask("GET", page, token=token, headers=SPOOFED)
    assert json_of(answer)["next"].startswith("http://testserver/api/v1/locations/locations?")
    refused = ask("GET", page, token=token, headers={"Host": "evil.example"})
    assert (refused.status_code, json_of(refused)["code"]) == (400, "bad_request")


def test_h3_https_is_not_claimed_without_a_proxy(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = ask("GET", "/livez", headers=SPOOFED)
    assert answer.status_code == 301
