"""The closure says the same as the tree, whatever was moved where and by how many at once."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import DomainError
from apps.locations import actions
from apps.locations.models import Location, LocationClosure
from apps.locations.permissions import EDIT
from apps.locations.types import LocationKind as Kind
from audit import Origin
from rbac import Grant, Grants, Scope
from tests.client import Client
from tests.threads import at_once
from tests.world import World

NODES = range(6)
EVERYWHERE = Grants((Grant(frozenset({EDIT}), None),))


def origin_of(world: World) -> Origin:
    return Origin(actor_id=world.users["ada"], at=datetime(2026, 1, 1, tzinfo=UTC), request_id="test")


def recomputed() -> set[tuple[UUID, UUID, int]]:
    """Return the closure, walked from the parents."""
    parents: dict[UUID, UUID | None] = dict(Location.objects.values_list("pk", "parent"))
    pairs = set()
    for descendant in parents:
        ancestor: UUID | None = descendant
        depth = 0
        while ancestor is not None:
            pairs.add((ancestor, descendant, depth))
            ancestor, depth = parents[ancestor], depth + 1
    return pairs


def stored() -> set[tuple[UUID, UUID, int]]:
    return set(LocationClosure.objects.values_list("ancestor", "descendant", "depth"))


def node(number: int) -> Location:
    return Location.objects.get(code=f"N{number}")


@given(
    parents=st.tuples(*(st.none() | st.integers(0, number - 1) if number else st.none() for number in NODES)),
    moves=st.lists(st.tuples(st.sampled_from(NODES), st.none() | st.sampled_from(NODES)), max_size=8),
)
def test_after_any_moves_it_is_what_the_tree_says(
    world: World, parents: tuple[int | None, ...], moves: list[tuple[int, int | None]]
) -> None:
    with transaction.atomic():
        for number, parent in enumerate(parents):
            actions.create_location(
                code=f"N{number}",
                name="node",
                kind=Kind.ZONE,
                parent=None if parent is None else node(parent),
                scope=Scope.all(),
                origin=origin_of(world),
            )
        assert stored() == recomputed()
        for moved, target in moves:
            parent_row = None if target is None else node(target)
            try:
                actions.change_location(
                    node(moved),
                    changes={"parent": parent_row},
                    refs=None,
                    caller=EVERYWHERE,
                    origin=origin_of(world),
                )
            except actions.Cycle:
                assert parent_row is not None
            assert stored() == recomputed()
        transaction.set_rollback(True)


@pytest.mark.usefixtures("committed_db")
def test_moves_at_once_make_no_cycle(api: Client, world: World) -> None:
    def swap(number: int) -> str:
        mine, other = ("A", "B") if number % 2 else ("B", "A")
        row = Location.objects.get(code=mine)
        try:
            actions.change_location(
                row,
                changes={"parent": Location.objects.get(code=other)},
                refs=None,
                caller=EVERYWHERE,
                origin=origin_of(world),
            )
        except DomainError:
            return "refused"
        return f"{mine} is below {other}"

    # Whoever comes late enough to find its change made has nothing to do, and is not refused.
    assert len(set(at_once(8, swap)) - {"refused"}) == 1
    assert stored() == recomputed()
    assert api.get("/locations/locations").status_code == 200
