"""A browser that signs in elsewhere, as a test leads it."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from django.http import HttpResponse
from rest_framework.test import APIClient

from apps.identity.models import Provider
from apps.identity.providers.oidc.provider import issuers
from apps.identity.tests.hostile import CLIENT, SECRET, Forged, Hostile

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
BASE = "/api/v1/identity"


def make_provider(issuer: str, *, code: str = "acme", is_enabled: bool = True, **more: Any) -> Provider:
    """Write a provider to the database, with the settings of a client with a secret; and forget what was known."""
    issuers.forget()
    provisions, group_roles = more.pop("provisions_users", True), more.pop("group_roles", [])
    settings = {
        "issuer": issuer,
        "client_id": CLIENT,
        "client_authentication": "client_secret_basic",
        "client_secret_ref": "env:SSO_SECRET_TEST",
        **more,
    }
    return Provider.objects.create(
        code=code,
        name="Acme",
        kind="oidc",
        is_enabled=is_enabled,
        provisions_users=provisions,
        group_roles=group_roles,
        settings=settings,
    )


@dataclass
class Browser:
    """Keeps cookies, and knows what it was sent away with."""

    http: APIClient = field(default_factory=APIClient)
    sent: dict[str, str] = field(default_factory=dict)

    def start(self, code: str = "acme", **query: str) -> HttpResponse:
        """Begin; remember the parameters of the address that it was sent to."""
        answer: HttpResponse = self.http.get(f"{BASE}/providers/{code}/start", {"challenge": CHALLENGE, **query})
        if answer.status_code == 302:
            self.sent = dict(parse_qsl(urlsplit(answer["Location"]).query))
        return answer

    def back(self, provider: str = "acme", /, **parameters: str | None) -> HttpResponse:
        """Come back with a code; None leaves a parameter out."""
        given = {"code": "a-code", "state": self.sent.get("state"), **parameters}
        query = {name: value for name, value in given.items() if value is not None}
        answer: HttpResponse = self.http.get(f"{BASE}/providers/{provider}/callback", query)
        return answer

    def take(self, came: HttpResponse, verifier: str = VERIFIER) -> HttpResponse:
        """Trade the code of a sign-in for tokens."""
        body = {"code": msgspec.json.decode(came.content)["code"], "verifier": verifier}
        answer: HttpResponse = self.http.post(f"{BASE}/token/hand-over", body, format="json")
        return answer


def sign_in(
    provider: Hostile, forge: Callable[[Forged], object] = lambda _: None, browser: Browser | None = None, **claims: Any
) -> tuple[Browser, HttpResponse]:
    """Go there and back, with what `forge` makes of an honest token."""
    browser = browser or Browser()
    started = browser.start()
    assert started.status_code == 302, started.content
    token = provider.honest(nonce=browser.sent["nonce"], **claims)
    forge(token)
    provider.token = lambda: {
        "access_token": token.access_token,
        "token_type": token.token_type,
        "id_token": token.text(),
    }
    return browser, browser.back(iss=provider.issuer)


__all__ = ["BASE", "CHALLENGE", "SECRET", "VERIFIER", "Browser", "make_provider", "sign_in"]
