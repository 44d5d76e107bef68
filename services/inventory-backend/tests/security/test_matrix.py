"""Every cell of the policy matrix, over HTTP: role x action x relation of places x state of the object."""

import json
from uuid import UUID

import msgspec
import pytest
from django.db import transaction
from django.utils import timezone

from apps.catalog.models import Item, Unit
from apps.common.models import Entity
from apps.identity.models import User
from apps.identity.permissions import BUILTIN_ROLES
from apps.locations.models import Location
from apps.parties.models import Party
from rbac.django.actions import bind
from tests.answers import json_of
from tests.client import Client
from tests.security.asking import ask, token_of
from tests.security.matrix import RELATIONS, Action, Request, Scene, Verdict, cells, verdict_of, verdicts
from tests.security.matrix_actions import ACTIONS
from tests.world import PASSWORD, World

_ARCHIVABLE: dict[str, type[Entity]] = {"item": Item, "unit": Unit, "party": Party}


@pytest.fixture
def scene(api: Client) -> Scene:
    """Make zones with stock in the two warehouses of the world, and a thing of each noun that nothing refers to."""
    found = Location.objects.filter(code__in=["A", "B"])
    ids = {place.code: str(place.pk) for place in found}
    for code, kind, parent in (("Z1", "zone", "A"), ("Z2", "zone", "A"), ("Z1B", "bin", "Z1"), ("Z1M", "bin", "Z1")):
        ids[code] = _made(
            api, "/locations/locations", {"code": code, "name": code, "kind": kind, "parent": ids[parent]}
        )
    for noun, path, body in (
        ("ITEM", "/catalog/items", {"sku": "ITEM", "name": "Item", "base_unit": "ea"}),
        ("UNIT", "/catalog/units", {"code": "UNIT", "name": "Unit", "dimension": "count"}),
        ("PARTY", "/parties/parties", {"code": "PARTY", "name": "Party"}),
    ):
        ids[noun] = _made(api, path, body)
    receipts = {}
    for place in (*dict.fromkeys(RELATIONS.values()), "Z1M"):
        line = {"item": "sku:BOLT", "quantity": "5", "to_location": ids[place]}
        receipts[place] = _made(api, "/ledger/transactions", {"kind": "receipt", "lines": [line]})
    return Scene(ids=ids, receipts=receipts)


def _made(api: Client, path: str, body: object) -> str:
    answer = api.post(path, body)
    assert answer.status_code == 201, answer.content
    return str(json_of(answer)["id"])


def _user(role: str, relation: str, scene: Scene) -> str:
    """Return the token of a user who holds the role where the relation says."""
    user = User(username=f"{role}-{relation}", name=role)
    user.set_password(PASSWORD)
    user.save(force_insert=True)
    if relation != "none":
        place = None if relation == "root" else UUID(scene.ids["Z1"])
        bind(user_id=user.pk, role_code=role, location_id=place)
    return token_of(user.username)


def _put_in_state(api: Client, action: Action, scene: Scene, place: str, state: str) -> None:
    noun = action.name.partition(".")[0]
    if state == "archived":
        model = _ARCHIVABLE.get(noun, Location)
        key = noun.upper() if noun in _ARCHIVABLE else place
        model._default_manager.filter(  # noqa: SLF001  (Django's public name)
            pk=scene.ids[key]
        ).update(archived_at=timezone.now())
    elif state == "reversed":
        path = f"/ledger/transactions/{scene.receipts[place]}/reverse"
        assert api.post(path, {"reason": "mistake"}).status_code == 201


def _verdict(token: str, request: Request) -> Verdict:
    content = b"" if request.body is None else msgspec.json.encode(request.body)
    answer = ask(request.method, f"/api/v1{request.path}", content, token=token, headers={"If-Match": "*"})
    return verdict_of(answer, request)


@pytest.mark.parametrize("role", sorted(BUILTIN_ROLES))
def test_a2_every_cell_of_a_role_is_as_reviewed(
    world: World, api: Client, scene: Scene, role: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    expected, found = verdicts(), {}
    tokens = {relation: _user(role, relation, scene) for relation in RELATIONS}
    by_name = {action.name: action for action in ACTIONS}
    for cell in cells(ACTIONS):
        if cell[0] != role:
            continue
        _, name, relation, state = cell
        place, sid = RELATIONS[relation], transaction.savepoint_create()
        _put_in_state(api, by_name[name], scene, place, state)
        found[cell] = _verdict(tokens[relation], by_name[name].make(scene, place, state))
        transaction.savepoint_rollback(sid)
    wrong = {cell: (verdict, expected.get(cell)) for cell, verdict in found.items() if verdict != expected.get(cell)}
    if wrong:
        file = tmp_path_factory.getbasetemp() / f"{role}.json"
        file.write_text(json.dumps([[*cell, *verdict] for cell, verdict in found.items()]), encoding="utf-8")
        print(f"What was answered is in {file}")  # noqa: T201  (pytest shows it with the failure)
    assert wrong == {}


def test_a2_no_cell_is_unlisted_and_none_is_left_over() -> None:
    listed, needed = verdicts(), list(cells(ACTIONS))
    assert len(needed) == len(set(needed))
    assert set(listed) ^ set(needed) == set()
    assert len(listed) >= 2_000
