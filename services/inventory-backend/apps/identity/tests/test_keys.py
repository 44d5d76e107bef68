"""Keys are replaced while people work: the new one is known before it signs, the old one until nothing needs it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.conf import settings
from django.db import connections
from django.test import override_settings
from django.utils import timezone
from pydantic import SecretStr

from apps.identity import keys
from apps.identity.models import SigningKey
from tests.answers import json_of
from tests.client import Client
from tests.world import PASSWORD, World

OLD, NEW = Ed25519PrivateKey.generate(), generate_private_key(SECP256R1())


def pem(key: Any) -> SecretStr:
    return SecretStr(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def public_pem(key: Any) -> str:
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


@pytest.fixture
def deploy() -> Iterator[Callable[..., None]]:
    """Return a function that starts the service anew with other keys."""
    active: list[override_settings] = []

    def run(key: Any, *, previous: Any = None, retired: Any = None) -> None:
        update = {
            "jwt_private_key": pem(key),
            "jwt_previous_private_key": previous and pem(previous),
            "jwt_retired_public_keys": (public_pem(retired),) if retired else (),
        }
        override = override_settings(CONFIG=settings.CONFIG.model_copy(update=update))
        override.enable()
        active.append(override)
        keys.forget_keys()

    yield run
    for override in reversed(active):
        override.disable()
    keys.forget_keys()


def token() -> str:
    answer = Client("").post("/identity/token", {"username": "ada", "password": PASSWORD})
    assert answer.status_code == 200
    return str(json_of(answer)["access"])


def algorithm(access: str) -> str:
    return str(jwt.get_unverified_header(access)["alg"])


def published() -> list[str]:
    return [key["alg"] for key in json_of(Client("").get("/identity/jwks"))["keys"]]


def status(access: str) -> int:
    return Client(access).get("/me").status_code


@pytest.mark.usefixtures("world")
def test_t5_a_new_key_is_public_for_ten_minutes_before_it_signs(deploy: Callable[..., None]) -> None:
    deploy(OLD)
    first = token()
    assert (algorithm(first), published(), SigningKey.objects.count()) == ("EdDSA", ["EdDSA"], 0)

    deploy(NEW, previous=OLD)
    second = token()
    assert (algorithm(second), published()) == ("EdDSA", ["ES256", "EdDSA"])
    SigningKey.objects.update(published_at=timezone.now() - timedelta(minutes=9, seconds=50))
    keys.forget_keys()  # another process
    assert algorithm(token()) == "EdDSA"

    SigningKey.objects.update(published_at=timezone.now() - timedelta(minutes=10, seconds=1))
    keys.forget_keys()
    third = token()
    assert (algorithm(third), published()) == ("ES256", ["ES256", "EdDSA"])
    assert [status(access) for access in (first, second, third)] == [200] * 3


@pytest.mark.usefixtures("world")
def test_t5_a_retired_key_is_good_until_it_is_taken_away(deploy: Callable[..., None]) -> None:
    deploy(OLD)
    old = token()

    deploy(NEW, retired=OLD)
    assert (status(old), published()) == (200, ["ES256", "EdDSA"])
    deploy(NEW)

    assert (status(old), published()) == (401, ["ES256"])
    assert status(token()) == 200


@pytest.mark.usefixtures("committed_db", "world")
def test_t5_no_request_fails_while_keys_are_replaced(deploy: Callable[..., None]) -> None:
    deploy(OLD)
    is_over, seen = Event(), []

    def work() -> None:
        access = token()
        while not is_over.is_set():
            seen.append(status(access))
            access = token()
        connections.close_all()

    workers = [Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    _after(seen, 10)
    deploy(NEW, previous=OLD)
    _after(seen, 10)
    SigningKey.objects.update(published_at=timezone.now() - timedelta(minutes=10, seconds=1))
    keys.forget_keys()
    _after(seen, 10)
    deploy(NEW, retired=OLD)
    _after(seen, 10)
    is_over.set()
    for worker in workers:
        worker.join(timeout=30)

    assert set(seen) == {200}
    assert len(seen) >= 40


def _after(seen: list[int], count: int) -> None:
    """Wait until as many more requests were answered."""
    wanted, patience = len(seen) + count, Event()
    for _ in range(600):
        if len(seen) >= wanted:
            return
        patience.wait(0.05)
    pytest.fail("The workers are stuck.")


def test_t5_a_token_that_was_seen_before_is_refused_once_its_key_is_gone(
    world: World, deploy: Callable[..., None]
) -> None:
    deploy(OLD)
    access = token()
    assert [status(access), status(access)] == [200, 200]

    deploy(NEW)

    assert status(access) == 401
