"""Binding users to roles, and keeping the built-in roles as the program says."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from rbac_toy.models import Balance, Group, LocationClosure
from world import World

from rbac import UnknownPermission
from rbac.django.actions import AlreadyBound, UnknownRole, bind, sync_builtin_roles
from rbac.django.models import Binding, Role

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    sync_builtin_roles({"clerk": ("Clerk", frozenset({"stock.read", "stock.post"}))})
    return World()


def test_binds_a_role_at_a_location(world: World) -> None:
    binding = bind(
        user_id=world.user.id,
        role_code="clerk",
        location_id=world.north.id,
        valid_from=NOON,
        valid_until=NOON + timedelta(days=1),
    )

    stored = Binding.objects.select_related("role").get()
    assert stored == binding
    assert (stored.user_id, stored.role.code, stored.location_id) == (world.user.id, "clerk", world.north.id)
    assert (stored.valid_from, stored.valid_until) == (NOON, NOON + timedelta(days=1))


def test_refuses_an_unknown_role_and_names_the_nearest(world: World) -> None:
    with pytest.raises(UnknownRole, match="No role 'clrek'; did you mean 'clerk'") as refusal:
        bind(user_id=world.user.id, role_code="clrek", location_id=None)

    assert refusal.value.nearest == "clerk"
    assert not Binding.objects.exists()


@pytest.mark.parametrize("at_root", [True, False])
def test_refuses_the_same_binding_twice_and_keeps_the_first(world: World, *, at_root: bool) -> None:
    location_id = None if at_root else world.north.id
    bind(user_id=world.user.id, role_code="clerk", location_id=location_id, valid_until=NOON)

    with pytest.raises(AlreadyBound, match="'clerk' is held here already"):
        bind(user_id=world.user.id, role_code="clerk", location_id=location_id)

    assert Binding.objects.get().valid_until == NOON


def test_the_database_refuses_a_second_binding_at_the_root(world: World) -> None:
    role = Role.objects.get()
    Binding.objects.create(user=world.user, role=role)

    with pytest.raises(IntegrityError, match="rbac_binding_subject_role_location_unique"), transaction.atomic():
        Binding.objects.create(user=world.user, role=role)


def test_binds_a_group_once(world: World) -> None:
    group = Group.objects.create(code="crew")
    binding = bind(group_id=group.id, role_code="clerk", location_id=world.north.id)

    with pytest.raises(AlreadyBound):
        bind(group_id=group.id, role_code="clerk", location_id=world.north.id)

    stored = Binding.objects.get()
    assert stored == binding
    assert (stored.user_id, stored.group_id) == (None, group.id)
    assert (stored.subject_kind, stored.subject_id) == ("group", group.id)


def test_a_binding_tells_its_subject(world: World) -> None:
    bind(user_id=world.user.id, role_code="clerk", location_id=None)

    stored = Binding.objects.get()
    assert (stored.subject_kind, stored.subject_id) == ("user", world.user.id)


@pytest.mark.parametrize("is_for_both", [True, False], ids=["both", "nobody"])
def test_the_database_refuses_a_binding_without_exactly_one_subject(world: World, *, is_for_both: bool) -> None:
    group = Group.objects.create(code="crew")
    user_id, group_id = (world.user.id, group.id) if is_for_both else (None, None)

    with pytest.raises(IntegrityError, match="rbac_binding_has_one_subject"), transaction.atomic():
        bind(role_code="clerk", location_id=None, user_id=user_id, group_id=group_id)

    assert not Binding.objects.exists()


@pytest.mark.parametrize("until", [NOON, NOON - timedelta(seconds=1)], ids=["empty", "reversed"])
def test_the_database_refuses_a_binding_that_never_holds(world: World, until: datetime) -> None:
    with pytest.raises(IntegrityError, match="rbac_binding_valid_from_before_until"), transaction.atomic():
        bind(user_id=world.user.id, role_code="clerk", location_id=None, valid_from=NOON, valid_until=until)

    assert not Binding.objects.exists()


@pytest.mark.parametrize("kept", ["user", "role", "location"])
def test_what_a_binding_points_to_cannot_be_deleted(world: World, kept: str) -> None:
    binding = bind(user_id=world.user.id, role_code="clerk", location_id=world.south.id)
    Balance.objects.all().delete()
    LocationClosure.objects.all().delete()

    with pytest.raises(ProtectedError):
        getattr(binding, kept).delete()

    assert Binding.objects.get() == binding


def test_synchronising_again_updates_and_keeps_the_bindings(world: World) -> None:
    binding = bind(user_id=world.user.id, role_code="clerk", location_id=None)
    custom = Role.objects.create(code="custom", name="Custom", permissions=[])

    for _ in range(2):
        sync_builtin_roles({"clerk": ("Stock clerk", frozenset({"stock.read"})), "auditor": ("Auditor", frozenset())})

    roles = Role.objects.order_by("code").values_list("code", "name", "permissions", "is_builtin")
    assert list(roles) == [
        ("auditor", "Auditor", [], True),
        ("clerk", "Stock clerk", ["stock.read"], True),
        ("custom", "Custom", [], False),
    ]
    assert Binding.objects.get().role_id == binding.role_id != custom.id


@pytest.mark.usefixtures("world")
def test_a_role_with_an_unknown_permission_changes_nothing() -> None:
    with pytest.raises(UnknownPermission, match=r"did you mean 'stock\.post'"):
        sync_builtin_roles({"clerk": ("Renamed", frozenset()), "broken": ("Broken", frozenset({"stock.pots"}))})

    assert list(Role.objects.values_list("code", "name")) == [("clerk", "Clerk")]
