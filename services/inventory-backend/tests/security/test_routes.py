"""Who gets in without a name, and by which methods."""

import json
from pathlib import Path
from typing import Final

import pytest

from apps.identity.models import Provider, User
from apps.identity.tests.keys import key_of
from rbac.django.routes import routes
from tests.answers import refusal
from tests.security.addresses import Address, addresses
from tests.security.asking import ask, cookie_of, token_of
from tests.world import World

# Reviewed: what each of these says may be known to everybody. Whoever adds a route that needs no token adds it there.
PUBLIC: Final = frozenset(json.loads((Path(__file__).parents[1] / "public_routes.json").read_text(encoding="utf-8")))
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def test_a1_every_route_declares_a_permission() -> None:
    undeclared = [route.path for route in routes() if not route.permissions or not all(route.permissions.values())]
    assert undeclared == []


def _is_public(method: str, address: Address) -> bool:
    named = {f"{method} {address.pattern}", f"* {address.pattern}"}
    return method in address.methods and not PUBLIC.isdisjoint(named)


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a1_anonymous_requests_meet_401_on_every_other_route(method: str) -> None:
    for address in addresses():
        answer = ask(method, address.path)
        if _is_public(method, address):
            assert answer.status_code in {200, 400, 403, 404}, address
        elif all(_is_public(each, address) for each in address.methods - {"HEAD"}):
            assert answer.status_code == 405, address
        else:
            assert refusal(answer) == (401, "not_authenticated", []), address
            assert answer["WWW-Authenticate"].startswith("Bearer"), address


@pytest.mark.django_db
def test_a1_a_token_that_is_none_of_ours_opens_nothing() -> None:
    for address in addresses():
        if not any(_is_public(each, address) for each in address.methods):
            assert ask("GET", address.path, token="not.a.token").status_code == 401, address


@pytest.mark.parametrize("method", [*METHODS, "FOO"])
def test_h7_only_documented_methods_are_answered_and_allow_is_right(world: World, method: str) -> None:
    Provider.objects.filter(code="local").update(scim_client_id=world.users["ada"])
    token, for_scim = token_of("ada"), key_of(User.objects.get(username="ada"), "identity.scim")
    for address in addresses():
        # Some answer a browser's cookie alone.
        proof = {"headers": cookie_of("ada")} if address.pattern.endswith("/session/current") else {"token": token}
        if address.path.startswith("/scim/"):
            proof = {"token": for_scim}
        answer = ask(method, address.path, **proof)
        if method in address.methods:
            assert answer.status_code != 405, address
            continue
        assert answer.status_code == 405, (address, answer.content)
        assert {name.strip() for name in answer["Allow"].split(",")} == address.methods, address
        kind = "application/scim+json" if address.path.startswith("/scim/") else "application/problem+json"
        assert answer["Content-Type"] == kind, address
