"""The tree of locations through the API: what is refused, what moves, and who sees what."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from apps.identity.actions import BeyondOwnGrants
from apps.identity.permissions import BUILTIN_ROLES
from apps.identity.tests.hiring import hire
from apps.locations import actions
from apps.locations.models import Location, LocationClosure
from apps.locations.types import VIRTUAL
from audit import Origin
from rbac import Grant, Grants
from rbac.django.models import Binding
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import World

LOCATIONS = "/locations/locations"
STANDARD = ["ADJUSTMENT", "CUSTOMER", "OPENING", "PRODUCTION", "SCRAP", "SUPPLIER"]


@pytest.fixture
def alan(as_user: Callable[[str], Client]) -> Client:
    """Return a client of the manager of warehouse A."""
    return as_user("alan")


def codes(answer: HttpResponse) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["code"] for row in json_of(answer)["results"]]


def tree() -> dict[str, str | None]:
    return dict(Location.objects.filter(is_virtual=False).values_list("code", "parent__code"))


def closure() -> set[tuple[str, str, int]]:
    return set(LocationClosure.objects.values_list("ancestor__code", "descendant__code", "depth"))


def test_a_location_is_created_below_its_parent(api: Client, world: World) -> None:
    body = {"code": "A1-01", "name": "Shelf", "kind": "bin", "parent": "loc:A1", "allows_negative": True}

    answer = api.post(LOCATIONS, body)

    shown = json_of(answer)
    assert (answer.status_code, answer["ETag"]) == (201, '"v1"')
    assert shown | {"created_at": "", "updated_at": ""} == {
        "id": str(Location.objects.get(code="A1-01").pk),
        "code": "A1-01",
        "name": "Shelf",
        "kind": "bin",
        "parent": {"id": str(world.locations["A1"]), "code": "A1", "name": "A1"},
        "path": ["A", "A1", "A1-01"],
        "is_virtual": False,
        "allows_negative": True,
        "external_refs": [],
        "version": 1,
        "created_at": "",
        "updated_at": "",
        "archived_at": None,
    }
    added = {pair for pair in closure() if pair[1] == "A1-01"}
    assert added == {("A", "A1-01", 2), ("A1", "A1-01", 1), ("A1-01", "A1-01", 0)}


def test_there_is_one_standard_location_of_each_virtual_kind(api: Client) -> None:
    assert codes(api.get(LOCATIONS, is_virtual="true")) == STANDARD
    assert sorted(kind.upper() for kind in VIRTUAL) == STANDARD


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"code": "A1"}, (409, "duplicate", [])),
        ({"parent": "loc:NONE"}, (400, "unknown_location", [("#/parent", "unknown_location")])),
        ({"parent": "A"}, (400, "unknown_selector", [("#/parent", "unknown_selector")])),
        ({"kind": "room"}, (400, "invalid", [("#/kind", "invalid")])),
        ({"name": "N\0"}, (400, "invalid", [("#/name", "invalid")])),
        ({"is_virtual": True}, (400, "unknown_parameter", [("#/is_virtual", "unknown_parameter")])),
        ({"parent": "loc:SUPPLIER"}, (409, "virtual_location", [])),
        ({"kind": "supplier", "parent": "loc:A"}, (409, "virtual_location", [])),
    ],
)
def test_a_wrong_location_is_refused(api: Client, body: dict[str, Any], expected: object) -> None:
    before = tree(), closure()

    answer = api.post(LOCATIONS, {"code": "NEW", "name": "New", "kind": "bin"} | body)

    assert refusal(answer) == expected
    assert (tree(), closure()) == before


def test_nothing_is_put_into_an_archived_location(api: Client) -> None:
    assert api.post(f"{LOCATIONS}/loc:A1/archive", {}).status_code == 200
    before = tree()

    made = api.post(LOCATIONS, {"code": "NEW", "name": "New", "kind": "bin", "parent": "loc:A1"})
    moved = api.patch(f"{LOCATIONS}/loc:A2", {"parent": "loc:A1"}, version=1)

    assert (refusal(made)[:2], refusal(moved)[:2]) == ((409, "archived"), (409, "archived"))
    assert tree() == before


def test_a_move_takes_everything_along(api: Client) -> None:
    api.post(LOCATIONS, {"code": "A1-01", "name": "Shelf", "kind": "bin", "parent": "loc:A1"})

    answer = api.patch(f"{LOCATIONS}/loc:A1", {"parent": "loc:B"}, version=1)

    assert (answer.status_code, json_of(answer)["path"], answer["ETag"]) == (200, ["B", "A1"], '"v2"')
    assert json_of(api.get(f"{LOCATIONS}/loc:A1-01"))["path"] == ["B", "A1", "A1-01"]
    assert codes(api.get(LOCATIONS, under="loc:A")) == ["A", "A2", "LAX"]
    assert codes(api.get(LOCATIONS, under="loc:B")) == ["A1", "A1-01", "B", "B1"]

    top = api.patch(f"{LOCATIONS}/loc:A1", {"parent": None}, version=2)
    assert (json_of(top)["path"], json_of(top)["parent"]) == (["A1"], None)


@pytest.mark.parametrize("inside", ["A", "A1", "A1-01"])
def test_a_location_cannot_lie_within_itself(api: Client, inside: str) -> None:
    api.post(LOCATIONS, {"code": "A1-01", "name": "Shelf", "kind": "bin", "parent": "loc:A1"})
    before = tree(), closure()

    answer = api.patch(f"{LOCATIONS}/loc:A", {"parent": f"loc:{inside}"}, version=1)

    assert refusal(answer)[:2] == (409, "cycle")
    assert (tree(), closure()) == before


@pytest.mark.parametrize("change", [{"kind": "zone"}, {"allows_negative": True}])
def test_what_stock_is_checked_by_is_fixed(api: Client, change: dict[str, Any]) -> None:
    answer = api.patch(f"{LOCATIONS}/loc:A1", change | {"name": "Other"}, version=1)

    (name,) = change
    assert refusal(answer) == (409, "immutable_field", [(f"#/{name}", "immutable_field")])
    assert Location.objects.get(code="A1").name == "A1"


def test_the_standard_virtual_locations_stay_and_others_can_be_added(api: Client) -> None:
    answers = [
        api.patch(f"{LOCATIONS}/loc:SUPPLIER", {"code": "VENDOR"}, version=1),
        api.delete(f"{LOCATIONS}/loc:SUPPLIER", version=1),
        api.post(f"{LOCATIONS}/loc:SUPPLIER/archive", {}),
    ]
    assert [refusal(answer)[:2] for answer in answers] == [(409, "virtual_location")] * 3
    assert codes(api.get(LOCATIONS, is_virtual="true")) == STANDARD

    assert api.post(LOCATIONS, {"code": "ACME", "name": "Acme", "kind": "supplier"}).status_code == 201
    moved = api.patch(f"{LOCATIONS}/loc:ACME", {"parent": "loc:A"}, version=1)
    assert refusal(moved)[:2] == (409, "virtual_location")
    assert api.patch(f"{LOCATIONS}/loc:ACME", {"name": "Acme Ltd"}, version=1).status_code == 200


def test_only_an_empty_location_is_deleted(api: Client) -> None:
    before = closure()
    assert refusal(api.delete(f"{LOCATIONS}/loc:B", version=1))[:2] == (409, "in_use")
    assert closure() == before

    assert api.delete(f"{LOCATIONS}/loc:B1", version=1).status_code == 204
    assert closure() == {pair for pair in before if "B1" not in pair}


def test_the_manager_of_one_warehouse_sees_nothing_of_the_other(alan: Client) -> None:
    assert codes(alan.get(LOCATIONS, is_virtual="false")) == ["A", "A1", "A2", "LAX"]
    assert codes(alan.get(LOCATIONS, is_virtual="true")) == STANDARD
    assert codes(alan.get(LOCATIONS, under="loc:B")) == []
    assert codes(alan.get(LOCATIONS, parent="loc:B")) == []
    assert codes(alan.get(LOCATIONS, q="B1")) == []
    assert alan.get(f"{LOCATIONS}/loc:B1").status_code == 404
    assert alan.patch(f"{LOCATIONS}/loc:B1", {"name": "Mine"}, version=1).status_code == 404
    assert alan.delete(f"{LOCATIONS}/loc:B1", version=1).status_code == 404


def test_what_lies_above_ones_own_place_does_not_show(alan: Client, api: Client, world: World) -> None:
    api.post(LOCATIONS, {"code": "SITE", "name": "Site", "kind": "warehouse"})
    api.patch(f"{LOCATIONS}/loc:A", {"parent": "loc:SITE"}, version=1)

    top, below = (json_of(alan.get(f"{LOCATIONS}/loc:{code}")) for code in ("A", "A1"))

    assert (top["path"], top["parent"]) == (["A"], None)
    assert (below["path"], below["parent"]["id"]) == (["A", "A1"], str(world.locations["A"]))
    assert codes(alan.get(LOCATIONS, under="loc:SITE")) == codes(alan.get(LOCATIONS, parent="loc:SITE")) == []
    assert codes(api.get(LOCATIONS, parent="loc:SITE")) == ["A"]


def test_the_manager_changes_only_the_own_part_of_the_tree(alan: Client, world: World) -> None:
    before = tree(), closure()
    new = {"code": "NEW", "name": "New", "kind": "bin"}

    answers = [
        alan.post(LOCATIONS, new),
        alan.post(LOCATIONS, new | {"parent": None}),
        alan.patch(f"{LOCATIONS}/loc:A1", {"parent": None}, version=1),
        alan.patch(f"{LOCATIONS}/loc:A", {"parent": "loc:A1"}, version=1),
        alan.post(LOCATIONS, new | {"kind": "supplier"}),
    ]
    hidden = [
        alan.post(LOCATIONS, new | {"parent": "loc:B"}),
        alan.patch(f"{LOCATIONS}/loc:A1", {"parent": str(world.locations["B"])}, version=1),
    ]

    assert [refusal(answer)[:2] for answer in answers] == [(403, "permission_denied")] * 5
    assert [refusal(answer)[2] for answer in hidden] == [[("#/parent", "unknown_location")]] * 2
    assert (tree(), closure()) == before
    assert alan.post(LOCATIONS, new | {"parent": "loc:A2"}).status_code == 201
    assert alan.patch(f"{LOCATIONS}/loc:NEW", {"parent": "loc:A1"}, version=1).status_code == 200


@pytest.mark.parametrize(("extra", "expected"), [((), 403), ((("warehouse-manager", "B"),), 200)])
def test_a6_a_move_hands_out_no_more_than_its_author_holds(
    world: World, extra: tuple[tuple[str, str]], expected: int
) -> None:
    """Alan may post wherever A's bins are: who moves a bin there lets him, and so must hold as much."""
    paul = hire(world, "paul", ("planner", None), *extra)
    before = tree(), closure()

    answer = paul.patch(f"{LOCATIONS}/loc:B1", {"parent": "loc:A"}, version=1)
    away = paul.patch(f"{LOCATIONS}/loc:A2", {"parent": "loc:B"}, version=1)

    assert answer.status_code == expected
    # Nobody is bound to B but Paul himself, if at all: then what he holds there he does not hold at A2.
    assert away.status_code == (200 if not extra else 403)
    if expected == 403:
        assert refusal(answer)[:2] == (403, "beyond_own_grants")
        assert tree() == before[0] | {"A2": "B"}


def test_a4_a_right_that_was_revoked_meanwhile_moves_nothing(world: World) -> None:
    Binding.objects.filter(user_id=world.users["ada"]).delete()
    origin = Origin(actor_id=world.users["ada"], at=timezone.now(), request_id="test")
    before = tree(), closure()

    with pytest.raises(BeyondOwnGrants):
        actions.change_location(
            Location.objects.get(code="B1"),
            changes={"parent": Location.objects.get(code="A")},
            refs=None,
            caller=Grants((Grant(frozenset(BUILTIN_ROLES["administrator"][1]), None),)),
            origin=origin,
        )

    assert (tree(), closure()) == before


def test_a_viewer_may_not_write(as_user: Callable[[str], Client]) -> None:
    before = tree()
    vera = as_user("vera")

    answers = [
        vera.post(LOCATIONS, {"code": "NEW", "name": "New", "kind": "bin"}),
        vera.patch(f"{LOCATIONS}/loc:A1", {"name": "Mine"}, version=1),
        vera.delete(f"{LOCATIONS}/loc:A1", version=1),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert tree() == before
