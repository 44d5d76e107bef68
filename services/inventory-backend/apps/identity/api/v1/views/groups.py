"""Groups and their members: HTTP in, one action or query, HTTP out."""

from typing import ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from msgspec import UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.conditional import etag, require_match
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.pages import Page, PageQuery, page_of
from apps.common.api.requests import grants_of, idempotent, origin_of
from apps.common.api.resources import columns_in
from apps.common.errors import NotFound
from apps.identity import actions, permissions, queries
from apps.identity.api.v1 import lists
from apps.identity.api.v1.shapes.groups import (
    GroupPatch,
    GroupQuery,
    GroupShape,
    MemberShape,
    NewGroup,
    NewMember,
    group_shapes,
    member_shapes,
)
from apps.identity.models import Group, User
from rbac.django.permissions import requires


class Groups(Endpoint):
    """/identity/groups."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW_USERS),
            name="list_groups",
            summary="List groups",
            query=GroupQuery,
            listing=lists.GROUPS,
            returns={200: Page[GroupShape]},
        ),
        "POST": Operation(
            permission=requires(permissions.MANAGE_USERS, step_up=True),
            name="create_group",
            summary="Create a group",
            body=NewGroup,
            example={"code": "night-shift", "name": "Night shift"},
            returns={201: GroupShape},
            is_idempotent=True,
        ),
    }

    def get(self, request: Request) -> Response:
        """List the groups of users."""
        query = parse_query(request, GroupQuery)
        rows = queries.groups()
        if not isinstance(query.code, UnsetType):
            rows = rows.filter(code__in=query.code)
        if not isinstance(query.member, UnsetType):
            rows = rows.filter(
                members=queries.USERS.one(_users(request, permissions.VIEW_USERS), query.member, pointer="?member")
            )
        return page_of(request, query, rows, lists.GROUPS)

    def post(self, request: Request) -> Response:
        """Make a group, still without members and roles."""
        body = parse_body(request, NewGroup)
        return idempotent(request, body, lambda: self._created(request, body))

    def _created(self, request: Request, body: NewGroup) -> Response:
        group = actions.create_group(
            code=body.code, name=body.name, caller=grants_of(request), origin=origin_of(request)
        )
        return _answer(group, status=201, location=f"{request.path}/{group.pk}")


class OneGroup(Endpoint):
    """/identity/groups/{id}."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW_USERS),
            name="get_group",
            summary="Read a group",
            returns={200: GroupShape},
        ),
        "PATCH": Operation(
            permission=requires(permissions.MANAGE_USERS, step_up=True),
            name="change_group",
            summary="Rename a group",
            body=GroupPatch,
            returns={200: GroupShape},
            is_conditional=True,
        ),
        "DELETE": Operation(
            permission=requires(permissions.MANAGE_USERS, step_up=True),
            name="delete_group",
            summary="Delete a group without members and roles",
            returns={204: None},
            is_conditional=True,
        ),
    }

    def get(self, request: Request, selector: str) -> Response:
        """Read one group by its id or `group:` and its code."""
        del request
        return _answer(_one(selector))

    def patch(self, request: Request, selector: str) -> Response:
        """Change the code or the name of a group."""
        body = parse_body(request, GroupPatch)
        group = _one(selector)
        require_match(request, group.version)
        changed = actions.change_group(
            group, changes=columns_in(body), caller=grants_of(request), origin=origin_of(request)
        )
        return _answer(changed)

    def delete(self, request: Request, selector: str) -> Response:
        """Delete a group that nobody is in and that holds no role."""
        group = _one(selector)
        require_match(request, group.version)
        actions.delete_group(group, caller=grants_of(request), origin=origin_of(request))
        return Response(status=204)


class Members(Endpoint):
    """/identity/groups/{id}/members."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW_USERS),
            name="list_members",
            summary="List the members of a group",
            query=PageQuery,
            listing=lists.MEMBERS,
            returns={200: Page[MemberShape]},
        ),
        "POST": Operation(
            permission=requires(permissions.MANAGE_USERS, step_up=True),
            name="add_member",
            summary="Add a user to a group",
            body=NewMember,
            example={"user": "user:pia"},
            returns={201: MemberShape},
            is_idempotent=True,
        ),
    }

    def get(self, request: Request, selector: str) -> Response:
        """List the users in a group, of those whom you may see."""
        query = parse_query(request, PageQuery)
        rows = queries.members(_one(selector), among=_users(request, permissions.VIEW_USERS))
        return page_of(request, query, rows, lists.MEMBERS)

    def post(self, request: Request, selector: str) -> Response:
        """Let a user join, who then holds all that is bound to the group; you hold all of it yourself."""
        body = parse_body(request, NewMember)
        group = _one(selector)
        return idempotent(request, body, lambda: self._added(request, group, body))

    def _added(self, request: Request, group: Group, body: NewMember) -> Response:
        user = queries.USERS.one(_users(request, permissions.MANAGE_USERS), body.user, pointer="#/user")
        actions.add_member(group, user, caller=grants_of(request), origin=origin_of(request))
        (shape,) = member_shapes([user])
        return Response(shape, status=201, headers={"Location": f"{request.path}/{user.pk}"})


class OneMember(Endpoint):
    """/identity/groups/{id}/members/{user}."""

    operations: ClassVar = {
        "DELETE": Operation(
            permission=requires(permissions.MANAGE_USERS, step_up=True),
            name="remove_member",
            summary="Remove a user from a group",
            returns={204: None},
        )
    }

    def delete(self, request: Request, selector: str, user: str) -> Response:
        """Let a user leave a group; what it holds, they lose with their next request."""
        group = _one(selector)
        users = _users(request, permissions.MANAGE_USERS)
        member = queries.USERS.find(users, [user]).get(user) if queries.USERS.understands(user) else None
        if member is None:
            raise NotFound
        actions.remove_member(group, member, caller=grants_of(request), origin=origin_of(request))
        return Response(status=204)


def _users(request: Request, permission: str) -> QuerySet[User]:
    return queries.users(grants_of(request), permission, at=timezone.now())


def _one(selector: str) -> Group:
    if not queries.GROUPS.understands(selector):
        raise NotFound
    found = queries.GROUPS.find(queries.groups(), [selector])
    if selector not in found:
        raise NotFound
    return found[selector]


def _answer(group: Group, *, status: int = 200, location: str | None = None) -> Response:
    (shape,) = group_shapes([group])
    headers = {"ETag": etag(group.version)} | ({} if location is None else {"Location": location})
    return Response(shape, status=status, headers=headers)
