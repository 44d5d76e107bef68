"""Wire shapes of groups and their members."""

from collections.abc import Sequence

from msgspec import UNSET, Struct, UnsetType

from apps.common.api.fields import Code, IdOut, InstantOut, Name, Selector, Text, instant
from apps.common.api.pages import PageQuery
from apps.identity.models import Group, User


class NewGroup(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /identity/groups."""

    code: Code
    name: Name


class GroupPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PATCH /identity/groups/{id}."""

    code: Code | UnsetType = UNSET
    name: Name | UnsetType = UNSET


class GroupQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /identity/groups; `member` finds the groups that a user is in."""

    code: list[Text] | UnsetType = UNSET
    member: Selector | UnsetType = UNSET


class GroupShape(Struct, frozen=True, kw_only=True):
    """A group of users."""

    id: IdOut
    code: str
    name: str
    version: int
    created_at: InstantOut
    updated_at: InstantOut


class NewMember(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /identity/groups/{id}/members: a user's id, or `user:` and the username."""

    user: Selector


class MemberShape(Struct, frozen=True, kw_only=True):
    """A user in a group."""

    id: IdOut
    username: str
    name: str
    is_active: bool


def group_shapes(groups: Sequence[Group]) -> list[GroupShape]:
    """Return groups as the API shows them."""
    return [
        GroupShape(
            id=str(group.pk),
            code=group.code,
            name=group.name,
            version=group.version,
            created_at=instant(group.created_at),
            updated_at=instant(group.updated_at),
        )
        for group in groups
    ]


def member_shapes(users: Sequence[User]) -> list[MemberShape]:
    """Return users as members of a group."""
    return [
        MemberShape(id=str(user.pk), username=user.username, name=user.name, is_active=user.is_active) for user in users
    ]
