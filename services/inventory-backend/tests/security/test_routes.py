"""Who gets in without a name, and by which methods."""

from typing import Final

import pytest

from rbac.django.permissions import Public
from rbac.django.routes import routes
from tests.answers import refusal
from tests.security.addresses import addresses
from tests.security.asking import ask, token_of
from tests.world import World

# Reviewed: what each of these says may be known to everybody. Whoever adds a route that needs no token adds it here.
PUBLIC: Final = {
    "/api/v1/identity/token": "POST",
    "/api/v1/identity/token/refresh": "POST",
    "/api/v1/identity/token/revoke": "POST",
    "/api/v1/identity/jwks": "GET",
    "/api/v1/openapi.json": "GET",
    "/docs": "*",
    "/docs/problems/<slug:code>": "*",
    "/livez": "*",
    "/metrics": "*",
    "/readyz": "*",
}
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def test_a1_only_the_reviewed_routes_are_public() -> None:
    found = {
        route.path: method
        for route in routes()
        for method, declared in route.permissions.items()
        if any(issubclass(permission, Public) for permission in declared)
    }
    assert found == PUBLIC


def test_a1_every_route_declares_a_permission() -> None:
    undeclared = [route.path for route in routes() if not route.permissions or not all(route.permissions.values())]
    assert undeclared == []


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a1_anonymous_requests_meet_401_on_every_other_route(method: str) -> None:
    for address in addresses():
        answer = ask(method, address.path)
        if address.pattern in PUBLIC:
            assert answer.status_code in {200, 400, 405}, address
        else:
            assert refusal(answer) == (401, "not_authenticated", []), address
            assert answer["WWW-Authenticate"].startswith("Bearer"), address


@pytest.mark.django_db
def test_a1_a_token_that_is_none_of_ours_opens_nothing() -> None:
    for address in addresses():
        if address.pattern not in PUBLIC:
            assert ask("GET", address.path, token="not.a.token").status_code == 401, address


@pytest.mark.parametrize("method", [*METHODS, "FOO"])
def test_h7_only_documented_methods_are_answered_and_allow_is_right(world: World, method: str) -> None:
    token = token_of("ada")
    for address in addresses():
        answer = ask(method, address.path, token=token)
        if method in address.methods:
            assert answer.status_code != 405, address
            continue
        assert answer.status_code == 405, (address, answer.content)
        assert {name.strip() for name in answer["Allow"].split(",")} == address.methods, address
        assert answer["Content-Type"] == "application/problem+json", address
