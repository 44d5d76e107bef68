"""A1: every route declares who may take it; which ones are public is reviewed here."""

import json
import subprocess
import sys
from pathlib import Path

from rbac.django.checks import check_routes
from rbac.django.permissions import DeclaredPermission, Public, Requires, SignedIn
from rbac.django.routes import routes

PUBLIC = Path(__file__).parent / "public_routes.json"
SERVICE = Path(__file__).parents[1]
# Starts as the server does, with one more route that nobody declared anything for.
UNDECLARED = """
import django
django.setup()
from django.http import HttpResponse
from django.urls import path
from config import urls
urls.urlpatterns.append(path("open", lambda request: HttpResponse("all of it")))
import config.wsgi
"""


def test_a1_every_method_of_every_route_is_declared() -> None:
    assert check_routes() == []
    found = routes()
    assert len(found) > 40
    for route in found:
        for declared in route.permissions.values():
            assert declared
            assert all(issubclass(each, (Public, SignedIn)) for each in declared)
            assert DeclaredPermission not in declared


def test_a1_the_public_routes_are_the_reviewed_ones() -> None:
    found = {
        f"{method} {route.path}": permission.reason
        for route in routes()
        for method, declared in route.permissions.items()
        for permission in declared
        if issubclass(permission, Public)
    }

    assert found == json.loads(PUBLIC.read_text(encoding="utf-8")), "Who adds a public route has it reviewed there."


def test_a1_who_is_signed_in_alone_sees_only_themselves() -> None:
    found = {
        f"{method} {route.path}"
        for route in routes()
        for method, declared in route.permissions.items()
        if not any(issubclass(permission, (Public, Requires)) for permission in declared)
    }

    assert found == {
        "GET /api/v1/me",
        "PATCH /api/v1/me",
        "GET /api/v1/identity/keys",
        "POST /api/v1/identity/keys",
        "GET /api/v1/identity/keys/<str:selector>",
        "POST /api/v1/identity/keys/<str:selector>/revoke",
        "GET /api/v1/identity/session/current",
        "DELETE /api/v1/identity/session/current",
        "GET /api/v1/identity/sessions",
        "DELETE /api/v1/identity/sessions/<str:session_id>",
        "POST /api/v1/identity/proof",
        "POST /api/v1/identity/proof/second-factor",
        "POST /api/v1/identity/proof/challenge",
        "POST /api/v1/identity/proof/hand-over",
        "POST /api/v1/identity/providers/<str:code>/proof",
        "POST /api/v1/identity/password",
        "POST /api/v1/identity/providers/<str:code>/link",
        "GET /api/v1/identity/factors",
        "POST /api/v1/identity/factors/totp",
        "DELETE /api/v1/identity/factors/totp",
        "POST /api/v1/identity/factors/totp/confirm",
        "POST /api/v1/identity/factors/passkeys",
        "POST /api/v1/identity/factors/passkeys/options",
        "DELETE /api/v1/identity/factors/passkeys/<str:passkey_id>",
        "POST /api/v1/identity/factors/recovery-codes",
    }


def test_a1_the_server_does_not_start_with_an_undeclared_route() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNDECLARED], cwd=SERVICE, capture_output=True, text=True, check=False, timeout=120
    )

    assert done.returncode != 0
    assert "rbac.E001" in done.stderr
    assert "/open" in done.stderr
