"""Requests as bytes, the way an attacker makes them: in the test's process, with any header from any address."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import msgspec
from django.http import HttpResponse
from django.test import Client as Browser

from apps.identity.authentication import COOKIE, CSRF_HEADER
from tests.answers import json_of
from tests.world import PASSWORD


def ask(
    method: str,
    path: str,
    content: bytes = b"",
    *,
    token: str = "",
    headers: Mapping[str, str] | None = None,
    **environ: Any,
) -> HttpResponse:
    """Return the answer, a bug's 500 included; `environ` is what the server says, such as REMOTE_ADDR."""
    given = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json", **(headers or {})}
    given |= {"Authorization": f"Bearer {token}"} if token else {}
    kind = given.pop("Content-Type")
    generic: Any = Browser(raise_request_exception=False).generic
    answer: HttpResponse = generic(method, path, content, kind, headers=given, **environ)
    return answer


def cookie_of(username: str) -> dict[str, str]:
    """Return what the browser of a user of the world sends with a write, as headers."""
    content = msgspec.json.encode({"username": username, "password": PASSWORD})
    own = {"Origin": "http://testserver"}
    answer = ask("POST", "/api/v1/identity/session", content, headers=own)
    assert answer.status_code == 200, answer.content
    cookie = f"{COOKIE}={answer.cookies[COOKIE].value}"
    return {**own, "Cookie": cookie, CSRF_HEADER: str(json_of(answer)["csrf_token"])}


def token_of(username: str, **environ: Any) -> str:
    """Return a fresh access token of a user of the world."""
    content = msgspec.json.encode({"username": username, "password": PASSWORD})
    answer = ask("POST", "/api/v1/identity/token", content, **environ)
    assert answer.status_code == 200, answer.content
    return str(json_of(answer)["access"])
