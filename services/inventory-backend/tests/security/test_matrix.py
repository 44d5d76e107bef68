"""Every cell of the policy matrix, over HTTP: role x action x relation of places x state of the object."""

import json

import msgspec
import pytest
from django.db import transaction
from django.utils import timezone

from apps.identity.permissions import BUILTIN_ROLES
from tests.client import Client
from tests.security.asking import ask
from tests.security.matrix import RELATIONS, Request, Scene, Verdict, cells, expected, verdict_of, verdicts
from tests.security.matrix_actions import ACTIONS
from tests.security.matrix_people import EXPIRES
from tests.security.matrix_scene import LIFE, build, put_in_state, worker
from tests.world import World


@pytest.fixture
def scene(api: Client) -> Scene:
    return build(api)


def _verdict(token: str, request: Request) -> Verdict:
    content = b"" if request.body is None else msgspec.json.encode(request.body)
    content = content.replace(EXPIRES.encode(), (timezone.now() + LIFE).isoformat().encode())
    path = request.path if request.path.startswith("/scim/") else f"/api/v1{request.path}"
    return verdict_of(ask(request.method, path, content, token=token, headers={"If-Match": "*"}), request)


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
        put_in_state(api, by_name[name], scene, place, state, caller=caller)
        found[cell] = _verdict(token, by_name[name].make(scene, place, state))
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
