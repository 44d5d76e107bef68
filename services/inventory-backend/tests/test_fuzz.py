"""Schemathesis: whatever the schema allows is answered as the schema says, and what it forbids is refused."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import jwt
from django.urls import resolve
from django.utils import timezone

from apps.identity import totp
from apps.identity.models import Session, Throttle
from apps.trail.tests.sealing import seal_all
from audit.django.models import AuditEvent
from tests.schema import current
from tests.server import Server
from tests.world import PASSWORD, World

if TYPE_CHECKING:
    from apps.common.api.endpoint import Endpoint

# What cannot succeed in such a run, and why.
MAY_FAIL = {
    "accept_invitation": "the token is in a letter",
    "add_passkey": "a device signs",
    "begin_proof_elsewhere": "needs a provider that answers",
    "begin_proving_again": "only who has no password may",
    "confirm_totp": "the code is that of an app, now",
    "end_browser_session": "needs the cookie and no bearer token",
    "finish_proof_elsewhere": "needs the code that a proof at a provider ends with",
    "finish_proving_again": "needs the answer of a device to a signed challenge",
    "finish_sign_in": "needs the answer of a device to a signed challenge",
    "finish_sign_in_browser": "needs the answer of a device to a signed challenge",
    "hand_over": "needs the code that a sign-in at a provider ends with",
    "link_identity": "needs a provider that answers",
    "read_passkey_options": "needs the challenge of a sign-in that has begun",
    "read_session": "needs the cookie and no bearer token",
    "remove_passkey": "a device made it",
    "reset_password": "the token is in a letter",
}
_RUNS_AT_MOST_SECONDS = 1800
_RENEWED_EVERY_SECONDS = 10


def test_the_whole_api_keeps_its_schema(server: Server, world: World, tmp_path: Path) -> None:
    server.kill()
    # The run may take longer than the five minutes that a token is good for.
    server.start(INVENTORY_ACCESS_TOKEN_SECONDS="3600")
    token = server.token("ada", PASSWORD)
    env = {"FUZZ_ORIGIN": server.url, "FUZZ_CORA": _of_their_own(server, token, "cora")}
    env |= {f"FUZZ_{name.upper()}": _of_their_own(server, token, name, has_app=True) for name in ("tina", "rita")}
    for name in ("schemathesis.toml", "fuzz_hooks.py"):
        shutil.copy(Path(__file__).with_name(name), tmp_path)
    for name, ids in _known(server, world, token).items():
        (tmp_path / f"{name}.txt").write_text("".join(f'"{known}"\n' for known in ids), encoding="utf-8")
    har = tmp_path / "calls.har"
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "run",
        f"{server.url}/api/v1/openapi.json",
        "--checks=all",
        f"--report-har-path={har}",
        "--no-color",
        f"--header=Authorization: Bearer {token}",
    ]
    code, said = _run(command, tmp_path, env)
    assert code == 0, said[-20_000:]
    # Were its session over, nothing was tried after that.
    assert server.request("GET", "/api/v1/me", token=token)[0] == 200
    calls = json.loads(har.read_text(encoding="utf-8"))["log"]["entries"]
    # Most of these are sent without credentials; were it more, what is sent in general would not be let in.
    assert sum(call["response"]["status"] == 401 for call in calls) < len(calls) / 4
    assert set(MAY_FAIL) - _operations() == set()
    assert _operations() - set(_successes(calls)) - set(MAY_FAIL) == set()


def _run(command: list[str], folder: Path, env: dict[str, str]) -> tuple[int, str]:
    """Return how it ended and what it said.

    Meanwhile those who send all this prove again who they are, as some operations ask for, and wrong passwords are
    forgotten: most of them are, and after five an account waits.
    """
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={"PATH": os.defpath, **env},
    ) as process:
        for _ in range(_RUNS_AT_MOST_SECONDS // _RENEWED_EVERY_SECONDS):
            # Row by row: the service may hold some of them, in another order.
            for session in Session.objects.filter(revoked_at=None):
                Session.objects.filter(pk=session.pk).update(authenticated_at=timezone.now())
            for tries in Throttle.objects.all():
                tries.delete()
            with suppress(subprocess.TimeoutExpired):
                said, _ = process.communicate(timeout=_RENEWED_EVERY_SECONDS)
                return process.returncode, said
        process.kill()
    raise TimeoutError(f"Schemathesis ran longer than {_RUNS_AT_MOST_SECONDS} s.")


type Made = Callable[[str, dict[str, object]], list[object]]


def _known(server: Server, world: World, token: str) -> dict[str, list[object]]:
    """Make what may be deleted, and return the ids that Schemathesis is to try."""

    def made(path: str, body: dict[str, object]) -> list[object]:
        status, answer = server.request("POST", f"/api/v1/{path}", body, token=token, key=str(uuid4()))
        assert status == 201, answer
        return [answer["id"]]

    known = _stock(made, world) | _access(made, world) | _people(server, token)
    seal_all()
    return known | {"event": [AuditEvent.objects.earliest("seq").event_id]}


def _stock(made: Made, world: World) -> dict[str, list[object]]:
    spare: dict[str, object] = {"code": "SPARE", "name": "Spare"}
    line = {"item": "sku:BOLT", "quantity": "5", "to_location": "loc:A1"}
    return {
        "tracked": [world.items["COFFEE"], world.items["SCANNER"]],
        "item": [world.items["SCANNER"]],
        "unit": made("catalog/units", {"code": "CRATE", "name": "Crate", "dimension": "package"}),
        "location": [world.locations["B1"]],
        "party": [world.owners["CONSIGNOR"]],
        "lot": [world.lots["L1"]],
        "serial": [world.serials["S1"]],
        "transaction": made("ledger/transactions", {"kind": "receipt", "lines": [line]}),
        "spare-item": made("catalog/items", {"sku": "SPARE", "name": "Spare", "base_unit": "ea"}),
        "spare-unit": made("catalog/units", {**spare, "dimension": "count"}),
        "spare-location": made("locations/locations", {**spare, "kind": "bin"}),
        "spare-party": made("parties/parties", spare),
        "spare-lot": [world.lots["L2"]],
        "spare-serial": [world.serials["S2"]],
    }


def _access(made: Made, world: World) -> dict[str, list[object]]:
    role: dict[str, object] = {"code": "night", "name": "Night shift", "permissions": ["ledger.view"]}
    crew: dict[str, object] = {"code": "crew", "name": "The crew"}
    bound: dict[str, object] = {"user": "user:alan", "role": "role:viewer"}
    provider: dict[str, object] = {
        "code": "other",
        "name": "Other",
        "issuer": "https://other.example.com",
        "client_id": "inventory",
        "client_authentication": "none",
    }
    now = timezone.now()
    future = (now + timedelta(days=30)).isoformat()
    key: dict[str, object] = {"name": "Night", "permissions": ["ledger.view"], "user": "user:vera"}
    crowd = made("identity/groups", crew | {"code": "crowd"})
    made(f"identity/groups/{crowd[0]}/members", {"user": "user:vera"})
    return {
        "user": [world.users["vera"], world.users["alan"]],
        "member": [world.users["vera"]],
        "role": made("identity/roles", role),
        "spare-role": made("identity/roles", role | {"code": "spare"}),
        "group": made("identity/groups", crew),
        "crowd": crowd,
        "spare-group": made("identity/groups", crew | {"code": "spare"}),
        "binding": made("identity/bindings", bound | {"location": "loc:A1"}),
        "spare-binding": made("identity/bindings", bound | {"location": "loc:A2"}),
        "provider": made("identity/providers", provider),
        "spare-provider": made(
            "identity/providers", provider | {"code": "spare", "issuer": "https://login.example.com"}
        ),
        "service": made("identity/service-accounts", {"username": "robot", "name": "A program"}),
        "key": made("identity/keys", key | {"expires_at": future}),
        "past": [(now - timedelta(days=1)).isoformat()],
        "future": [future],
    }


def _people(server: Server, token: str) -> dict[str, list[object]]:
    sara, lena, gwen = (_person(name, server, token) for name in ("sara", "lena", "gwen"))
    _set_up_totp(server, server.token("lena", PASSWORD))
    return {
        "person": [gwen],
        "guest": [sara],
        "lost": [lena],
        "refresh": [_signed_in(server, "sara")["refresh"]],
        "spare-session": [jwt.decode(server.token("sara", PASSWORD), options={"verify_signature": False})["sid"]],
    }


def _person(name: str, server: Server, token: str) -> object:
    """Make somebody who has an address and the world's password, and return their id."""
    body = {"username": name, "name": name.title(), "email": f"{name}@example.com", "password": PASSWORD}
    status, answer = server.request("POST", "/api/v1/identity/users", body, token=token, key=str(uuid4()))
    assert status == 201, answer
    return answer["id"]


def _signed_in(server: Server, name: str) -> dict[str, object]:
    status, answer = server.request("POST", "/api/v1/identity/token", {"username": name, "password": PASSWORD})
    assert status == 200, answer
    return dict(answer)


def _of_their_own(server: Server, token: str, name: str, *, has_app: bool = False) -> str:
    """Make somebody, with an authenticator app or without, and return the token of a session of theirs."""
    _person(name, server, token)
    if not has_app:
        return server.token(name, PASSWORD)
    codes = _set_up_totp(server, server.token(name, PASSWORD))
    status, asked = server.request("POST", "/api/v1/identity/token", {"username": name, "password": PASSWORD})
    assert status == 401, asked
    shown = {"challenge": asked["errors"][0]["meta"]["challenge"], "method": "recovery", "code": codes[0]}
    status, answer = server.request("POST", "/api/v1/identity/token/second-factor", shown)
    assert status == 200, answer
    return str(answer["access"])


def _set_up_totp(server: Server, token: str) -> list[str]:
    """Set an authenticator app up, and return the recovery codes."""
    status, told = server.request("POST", "/api/v1/identity/factors/totp", {}, token=token)
    assert status == 200, told
    code = totp.code(base64.b32decode(told["secret"]), totp.step_at(timezone.now()))
    status, answer = server.request("POST", "/api/v1/identity/factors/totp/confirm", {"code": code}, token=token)
    assert status == 200, answer
    return list(answer["recovery_codes"])


def _operations() -> set[str]:
    """Return the operations of the document, by id."""
    paths = json.loads(current())["paths"].values()
    return {operation["operationId"] for methods in paths for operation in methods.values()}


def _successes(calls: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield for each call that was answered with a success the operation that answered it."""
    for call in calls:
        if 200 <= call["response"]["status"] < 300:
            view: type[Endpoint] = vars(resolve(urlsplit(call["request"]["url"]).path).func)["view_class"]
            yield view.operations[call["request"]["method"]].name
