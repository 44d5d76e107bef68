"""Users and roles made directly, for tests of who may do what."""

from uuid import UUID

from apps.identity.models import Group, GroupMember, User
from rbac.django.actions import bind
from rbac.django.models import Role
from tests.client import Client
from tests.world import PASSWORD, World

# Who looks after the access of one place.
KEEPER = ("catalog.view", "identity.manage_roles", "identity.view_roles", "identity.view_users", "ledger.view")


def hire(world: World, username: str, *roles: tuple[str, str | None]) -> Client:
    """Make a user who holds roles, each at the location with a code or everywhere; return a client of theirs."""
    user = User(username=username, name=username.title())
    user.set_password(PASSWORD)
    user.save(force_insert=True)
    world.users[username] = user.pk
    for code, place in roles:
        bind(user_id=user.pk, role_code=code, location_id=world.locations[place] if place else None)
    return Client.signed_in(username, PASSWORD)


def make_role(code: str, *permissions: str) -> Role:
    """Make a role."""
    return Role.objects.create(code=code, name=code.title(), permissions=sorted(permissions))


def make_group(code: str, *members: UUID) -> Group:
    """Make a group with members."""
    group = Group.objects.create(code=code, name=code.title())
    for member in members:
        GroupMember.objects.create(group=group, user_id=member)
    return group
