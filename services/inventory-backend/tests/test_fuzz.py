"""Schemathesis: whatever the schema allows is answered as the schema says, and what it forbids is refused."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

from django.urls import resolve

from tests.schema import current
from tests.server import Server
from tests.world import PASSWORD, World

if TYPE_CHECKING:
    from apps.common.api.endpoint import Endpoint

# A refresh token is good for one use: whether one that is unused comes up is left to chance. The others need what is
# signed, what a device makes, the id of a session or user, a cookie, the origin of a page, or an identity provider that
# answers; and after five wrong passwords, which chance has many of, the account waits.
MAY_FAIL = {
    "refresh_session",
    "accept_invitation",
    "add_passkey",
    "change_password",
    "confirm_totp",
    "delete_provider",
    "enable_provider",
    "end_browser_session",
    "begin_proof_elsewhere",
    "begin_proving_again",
    "finish_proof_elsewhere",
    "finish_proving_again",
    "finish_sign_in",
    "finish_sign_in_browser",
    "hand_over",
    "invite_user",
    "link_identity",
    "prove_again",
    "read_passkey_options",
    "read_session",
    "remove_factors",
    "remove_passkey",
    "remove_totp",
    "replace_recovery_codes",
    "reset_password",
    "revoke_session",
    "sign_in",
    "sign_in_browser",
}


def test_the_whole_api_keeps_its_schema(server: Server, world: World, tmp_path: Path) -> None:
    server.kill()
    # The run may take longer than the five minutes that a token is good for.
    server.start(INVENTORY_ACCESS_TOKEN_SECONDS="3600")
    token = server.token("ada", PASSWORD)
    for name in ("schemathesis.toml", "fuzz_hooks.py"):
        shutil.copy(Path(__file__).with_name(name), tmp_path)
    for name, ids in _known(server, world, token).items():
        (tmp_path / f"{name}.txt").write_text("".join(f'"{known}"\n' for known in ids), encoding="utf-8")
    calls = tmp_path / "calls.har"
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "run",
        f"{server.url}/api/v1/openapi.json",
        "--checks=all",
        f"--report-har-path={calls}",
        "--no-color",
        f"--header=Authorization: Bearer {token}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-20_000:]
    assert _operations() - set(_successes(calls)) - MAY_FAIL == set()


def _known(server: Server, world: World, token: str) -> dict[str, list[object]]:
    """Make what may be deleted, and return the ids that Schemathesis is to try."""

    def made(path: str, body: dict[str, object]) -> list[object]:
        status, answer = server.request("POST", f"/api/v1/{path}", body, token=token, key=str(uuid4()))
        assert status == 201, answer
        return [answer["id"]]

    role: dict[str, object] = {"code": "night", "name": "Night shift", "permissions": ["ledger.view"]}
    crew: dict[str, object] = {"code": "crew", "name": "The crew"}
    roles = made("identity/roles", role)
    crowd = made("identity/groups", crew | {"code": "crowd"})
    made(f"identity/groups/{crowd[0]}/members", {"user": "user:vera"})
    bound: dict[str, object] = {"user": "user:alan", "role": "role:viewer"}
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
        "user": [world.users["vera"], world.users["alan"]],
        "member": [world.users["vera"]],
        "role": roles,
        "spare-role": made("identity/roles", role | {"code": "spare"}),
        "group": made("identity/groups", crew),
        "crowd": crowd,
        "spare-group": made("identity/groups", crew | {"code": "spare"}),
        "binding": made("identity/bindings", bound | {"location": "loc:A1"}),
        "spare-binding": made("identity/bindings", bound | {"location": "loc:A2"}),
    }


def _operations() -> set[str]:
    """Return the operations of the document, by id."""
    paths = json.loads(current())["paths"].values()
    return {operation["operationId"] for methods in paths for operation in methods.values()}


def _successes(calls: Path) -> Iterator[str]:
    """Yield for each call that was answered with a success the operation that answered it."""
    for call in json.loads(calls.read_text(encoding="utf-8"))["log"]["entries"]:
        if 200 <= call["response"]["status"] < 300:
            view: type[Endpoint] = vars(resolve(urlsplit(call["request"]["url"]).path).func)["view_class"]
            yield view.operations[call["request"]["method"]].name
