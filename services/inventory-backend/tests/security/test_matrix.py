"""Every cell of the policy matrix, over HTTP: role x action x relation of places x state of the object."""

import json
from typing import Final
from urllib.parse import urlsplit

import msgspec
import pytest
from django.db import transaction
from django.urls import resolve
from django.utils import timezone

from apps.identity.permissions import BUILTIN_ROLES
from rbac.django.permissions import Public
from tests.client import Client
from tests.security.addresses import NOWHERE, addresses
from tests.security.asking import ask
from tests.security.matrix import RELATIONS, Request, Scene, Verdict, cells, expected, verdict_of, verdicts
from tests.security.matrix_actions import ACTIONS
from tests.security.matrix_people import EXPIRES
from tests.security.matrix_scene import LIFE, build, put_in_state, worker
from tests.world import World

# Operations that need no cells, and why.
BY_ITSELF: Final = "about the caller alone, whatever they hold: its own tests"
LIKE_ITEMS: Final = "reference data with the permissions and the code of items"
WITHOUT_CELLS: Final = {
    "/api/v1/catalog/lots": LIKE_ITEMS,
    "/api/v1/catalog/serials": LIKE_ITEMS,
    "/api/v1/catalog/items/<str:selector>/units": LIKE_ITEMS,
    "/api/v1/identity/factors": BY_ITSELF,
    "/api/v1/identity/password": BY_ITSELF,
    "/api/v1/identity/proof": BY_ITSELF,
    "/api/v1/identity/session/current": BY_ITSELF,
    "/api/v1/identity/providers/<str:code>/link": BY_ITSELF,
    "/api/v1/identity/providers/<str:code>/proof": BY_ITSELF,
    "/api/v1/identity/providers/<str:selector>/test": "asks the provider: test_a1_providers_are_for_who_may_manage",
    "/scim/v2/": "the permission is that of all of SCIM, which cells of SCIM assert",
}


class Anything(dict[str, str]):
    """Ids of whatever a request names."""

    def __missing__(self, code: str) -> str:
        return str(NOWHERE)


@pytest.fixture
def scene(api: Client) -> Scene:
    return build(api)


def _path(request: Request) -> str:
    return request.path if request.path.startswith("/scim/") else f"/api/v1{request.path}"


def _verdict(token: str, request: Request) -> Verdict:
    content = b"" if request.body is None else msgspec.json.encode(request.body)
    content = content.replace(EXPIRES.encode(), (timezone.now() + LIFE).isoformat().encode())
    return verdict_of(ask(request.method, _path(request), content, token=token, headers={"If-Match": "*"}), request)


@pytest.mark.parametrize("role", sorted(BUILTIN_ROLES))
def test_a2_every_cell_of_a_role_is_as_reviewed(
    world: World, api: Client, scene: Scene, role: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reviewed, found = verdicts(), {}
    workers = {relation: worker(role, relation, scene) for relation in RELATIONS}
    by_name = {action.name: action for action in ACTIONS}
    for cell in cells(ACTIONS):
        if cell[0] != role:
            continue
        _, name, relation, state = cell
        place, sid = RELATIONS[relation], transaction.savepoint_create()
        caller, token = workers[relation]
        credential = put_in_state(api, by_name[name], scene, place, state, caller=caller) or token
        found[cell] = _verdict(credential, by_name[name].make(scene, place, state))
        transaction.savepoint_rollback(sid)
    wrong = {cell: (verdict, reviewed.get(cell)) for cell, verdict in found.items() if verdict != reviewed.get(cell)}
    if wrong:
        file = tmp_path_factory.getbasetemp() / f"{role}.json"
        file.write_text(json.dumps([[*cell, *verdict] for cell, verdict in found.items()]), encoding="utf-8")
        print(f"What was answered is in {file}")  # noqa: T201  (pytest shows it with the failure)
    assert wrong == {}


def test_a2_the_reviewed_verdicts_are_those_of_the_rules() -> None:
    rules = {action.name: action.rule for action in ACTIONS}
    made = {
        (role, name, relation, state): expected(rules[name], role=role, relation=relation, state=state)[0]
        for role, name, relation, state in cells(ACTIONS)
    }
    assert {cell: (verdict, made.get(cell)) for cell, verdict in verdicts().items() if made.get(cell) != verdict} == {}


def test_a2_no_cell_is_unlisted_and_none_is_left_over() -> None:
    listed, needed = verdicts(), list(cells(ACTIONS))
    assert len(needed) == len(set(needed))
    assert set(listed) ^ set(needed) == set()
    assert len(listed) >= 5_000


def test_a2_every_operation_has_cells_or_a_reason_for_none() -> None:
    scene = Scene(ids=Anything(Z1=str(NOWHERE), EVENT=str(NOWHERE)), receipts=Anything())
    made = [action.make(scene, "Z1", state) for action in ACTIONS for state in action.states]
    asked = {(request.method, resolve(urlsplit(_path(request)).path).route) for request in made}
    missing = {
        (method, address.pattern)
        for address in addresses()
        if address.endpoint is not None
        for method, operation in address.endpoint.operations.items()
        if not issubclass(operation.permission, Public)
        and (method, address.pattern.removeprefix("/")) not in asked
        and not address.pattern.startswith(tuple(WITHOUT_CELLS))
    }
    assert missing == set()
