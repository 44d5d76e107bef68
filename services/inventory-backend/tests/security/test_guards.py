"""Guards that no other test watches by itself; `mutants` takes each out and expects its test to fail."""

import time
from collections.abc import Callable
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils import timezone

from apps.identity.actions import begin_session
from apps.identity.actions.second_factor import SignInRefused
from apps.identity.keys import key_ring
from apps.identity.models import Session, User
from apps.locations.models import Location
from audit import Origin
from rbac.django.actions import bind
from tests.answers import json_of, refusal
from tests.client import Client
from tests.security.asking import ask
from tests.world import PASSWORD, World

# What is changed of a token of ours -> header and claims.
FORGED: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "audience": ({}, {"aud": "https://elsewhere.example"}),
    "issuer": ({}, {"iss": "https://elsewhere.example"}),
    "type": ({"typ": "JWT"}, {}),
    "expiry": ({}, {"exp": 1}),
    "kid": ({"kid": "unknown"}, {}),
    "crit": ({"crit": ["b64"], "b64": True}, {}),
}


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _signed(header: dict[str, Any], claims: dict[str, Any], key: Any = None) -> str:
    ring = key_ring()
    headers = {"typ": "at+jwt", "kid": ring.newest.public.kid, **header}
    return jwt.encode(claims, key or ring.newest.private, algorithm=ring.newest.public.algorithm, headers=headers)


@pytest.fixture
def claims(world: World) -> dict[str, Any]:
    answer = Client("").post("/identity/token", {"username": "ada", "password": PASSWORD})
    return _claims(str(answer.data.access))  # type: ignore[attr-defined]  # REST framework's response


def test_a_token_that_is_made_as_ours_are_is_taken(claims: dict[str, Any]) -> None:
    assert ask("GET", "/api/v1/me", token=_signed({}, claims)).status_code == 200


@pytest.mark.parametrize("change", FORGED)
def test_a_token_that_differs_is_refused(claims: dict[str, Any], change: str) -> None:
    header, changed = FORGED[change]
    assert ask("GET", "/api/v1/me", token=_signed(header, {**claims, **changed})).status_code == 401


def test_a_token_that_somebody_else_signed_is_refused(claims: dict[str, Any]) -> None:
    forged = _signed({}, claims, Ed25519PrivateKey.generate())
    assert ask("GET", "/api/v1/me", token=forged).status_code == 401
    assert claims["exp"] > time.time()
    assert claims["aud"] == settings.CONFIG.jwt_issuer


def test_p5_a_session_begins_only_for_the_account_that_was_proved(world: World) -> None:
    proved = User.objects.get(pk=world.users["ada"])
    replaced = User.objects.get(pk=world.users["ada"])
    replaced.set_password(f"another {PASSWORD}")
    replaced.save()
    origin = Origin(actor_id=None, at=timezone.now(), request_id="")

    with pytest.raises(SignInRefused):
        begin_session(user=proved, methods=["pwd"], origin=origin)
    assert Session.objects.count() == 0


def test_who_sees_a_place_may_not_change_it(world: World, as_user: Callable[[str], Client]) -> None:
    bind(user_id=world.users["alan"], role_code="viewer", location_id=None)
    alan, other = as_user("alan"), f"/locations/locations/{world.locations['B']}"
    assert alan.get(other).status_code == 200
    refused = [alan.patch(other, {"name": "Mine"}, version=1), alan.post(f"{other}/archive", {})]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert Location.objects.filter(code="B", version=1, name="B", archived_at=None).count() == 1


def test_I20_what_was_posted_elsewhere_is_not_reversed(
    world: World, api: Client, as_user: Callable[[str], Client]
) -> None:
    line = {"item": "sku:BOLT", "quantity": "5", "to_location": "loc:B1"}
    posted = json_of(api.post("/ledger/transactions", {"kind": "receipt", "lines": [line]}))["id"]
    refused = as_user("alan").post(f"/ledger/transactions/{posted}/reverse", {"reason": "mistake"})
    assert refusal(refused) == (404, "not_found", [])
    assert len(json_of(api.get("/ledger/transactions"))["results"]) == 1


@pytest.mark.parametrize("path", ["", "/preview"])
def test_I20_a_place_elsewhere_is_not_posted_into(world: World, as_user: Callable[[str], Client], path: str) -> None:
    line = {"item": "sku:BOLT", "quantity": "5", "to_location": "loc:B1"}
    refused = as_user("alan").post(f"/ledger/transactions{path}", {"kind": "receipt", "lines": [line]})
    assert refusal(refused) == (400, "unknown_location", [("#/lines/0/to_location", "unknown_location")])
