"""Bindings to grants, scopes to rows: exact values and exact numbers of queries."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from rbac_toy.models import Balance, Group, Location, Membership, Reservation
from world import World

from rbac import Grant, Grants, Held, Scope
from rbac.django.models import Binding, Role
from rbac.django.queries import (
    grants_of,
    held_by,
    held_in,
    lacking,
    location_ids,
    path_of,
    within,
    within_subtree,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PREDICATES = pytest.mark.parametrize("predicate", [within, within_subtree])
type Predicate = Callable[..., Q]


@pytest.fixture
def world() -> World:
    return World()


def below(*locations: Location) -> Scope:
    return Scope(everywhere=False, roots=frozenset(location.id for location in locations))


def codes(predicate: Q) -> list[str]:
    return sorted(Balance.objects.filter(predicate).values_list("location__code", flat=True))


def test_bindings_become_grants_in_one_query(world: World) -> None:
    reader = Role.objects.create(code="reader", permissions=["stock.read"])
    clerk = Role.objects.create(code="clerk", permissions=["stock.read", "stock.post"])
    Binding.objects.create(user=world.user, role=reader)
    Binding.objects.create(user=world.user, role=clerk, location=world.north, valid_from=NOON)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        grants = grants_of(user_id=world.user.id, at=NOON)

    assert len(queries) == 1
    assert set(grants.items) == {
        Grant(frozenset({"stock.read"}), None),
        Grant(frozenset({"stock.read", "stock.post"}), world.north.id),
    }
    assert grants.scope("stock.post") == below(world.north)


def test_a_group_grants_its_members_what_it_holds_in_the_same_query(world: World) -> None:
    clerk = Role.objects.create(code="clerk", permissions=["stock.post"])
    crew, others = Group.objects.create(code="crew"), Group.objects.create(code="others")
    Membership.objects.create(group=crew, user=world.user)
    binding = Binding.objects.create(group=crew, role=clerk, location=world.north, valid_until=NOON)
    Binding.objects.create(group=others, role=clerk)

    with CaptureQueriesContext(connection) as queries:
        (held,) = held_by(world.user.id)

    assert len(queries) == 1
    assert held == Held(
        binding_id=binding.id,
        role="clerk",
        permissions=frozenset({"stock.post"}),
        location_id=world.north.id,
        valid_until=NOON,
        group_id=crew.id,
    )
    assert held_in(Binding.objects.filter(group=crew)) == [held]
    before = NOON - timedelta(seconds=1)
    assert grants_of(user_id=world.user.id, at=before).items == (Grant(held.permissions, world.north.id, NOON),)
    assert grants_of(user_id=world.user.id, at=NOON) == Grants()


def test_a_path_is_the_location_and_all_above_it(world: World) -> None:
    assert path_of(world.shelf.id) == {world.root.id, world.north.id, world.shelf.id}
    assert path_of(None) == path_of(world.user.id) == frozenset()


def test_a6_what_is_lacking_is_judged_at_the_place(world: World) -> None:
    held = Grants((Grant(frozenset({"stock.post"}), world.north.id),))

    def wanted(location: Location) -> Grant:
        return Grant(frozenset({"stock.post"}), location.id)

    assert lacking([wanted(world.north), wanted(world.shelf)], held=held) == frozenset()
    assert lacking([wanted(world.north), wanted(world.root)], held=held) == {"stock.post"}
    assert lacking([wanted(world.south)], held=held) == {"stock.post"}
    assert lacking([Grant(frozenset({"stock.post"}), None)], held=held) == {"stock.post"}


@pytest.mark.parametrize(
    ("at", "holds"),
    [(NOON - timedelta(microseconds=1), False), (NOON, True), (NOON + timedelta(hours=1), False)],
    ids=["before", "at its start", "at its end"],
)
def test_a_binding_grants_only_while_it_holds(world: World, at: datetime, *, holds: bool) -> None:
    role = Role.objects.create(code="reader", permissions=["stock.read"])
    Binding.objects.create(user=world.user, role=role, valid_from=NOON, valid_until=NOON + timedelta(hours=1))

    assert grants_of(user_id=world.user.id, at=at).allows("stock.read") is holds


def test_another_users_bindings_grant_nothing(world: World) -> None:
    role = Role.objects.create(code="reader", permissions=["stock.read"])
    Binding.objects.create(user=world.user, role=role)

    assert grants_of(user_id=world.root.id, at=NOON) == Grants()


def test_a_scope_covers_the_subtrees_of_its_roots_once_in_one_query(world: World) -> None:
    with CaptureQueriesContext(connection) as queries:
        ids = location_ids(below(world.north, world.shelf))

    assert len(queries) == 1
    assert ids is not None
    assert sorted(ids) == sorted([world.north.id, world.shelf.id, world.bin.id])


@pytest.mark.parametrize(("scope", "ids"), [(Scope.all(), None), (Scope.nothing(), [])], ids=["all", "nothing"])
def test_the_extreme_scopes_ask_nothing(
    django_assert_num_queries: Callable[[int], CaptureQueriesContext], scope: Scope, ids: list[object] | None
) -> None:
    with django_assert_num_queries(0):
        assert location_ids(scope) == ids


@PREDICATES
def test_a_list_holds_what_is_below_the_roots(world: World, predicate: Predicate) -> None:
    assert codes(predicate(below(world.north))) == ["bin", "north", "shelf"]
    assert codes(predicate(below(world.shelf, world.south))) == ["shelf", "south"]
    assert codes(predicate(below(Location()))) == []
    assert codes(predicate(Scope.nothing())) == []
    assert codes(predicate(Scope.all())) == ["bin", "north", "root", "shelf", "south"]


@PREDICATES
def test_predicates_combine_and_follow_relations(world: World, predicate: Predicate) -> None:
    for balance in Balance.objects.all():
        Reservation.objects.create(balance=balance)
    inside = predicate(below(world.north), "balance__location_id")

    found = Reservation.objects.filter(inside & ~Q(balance__location__code="bin"))
    outside = Reservation.objects.exclude(inside)

    assert sorted(found.values_list("balance__location__code", flat=True)) == ["north", "shelf"]
    assert sorted(outside.values_list("balance__location__code", flat=True)) == ["root", "south"]


def test_a_list_binds_one_array_and_a_look_up_asks_the_tree(world: World) -> None:
    with CaptureQueriesContext(connection) as queries:
        codes(within(below(world.north)))
        codes(within_subtree(below(world.north)))

    resolve, bound, selective = (query["sql"] for query in queries)
    assert '"rbac_toy_locationclosure"' in resolve
    assert '"location_id" = ANY(' in bound
    assert "::uuid[]" in bound
    assert '"location_id" IN (SELECT' in selective
