"""Roles: HTTP in, one action or query, HTTP out."""

from typing import ClassVar

from msgspec import UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.conditional import etag, require_match
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.pages import Page, page_of
from apps.common.api.requests import grants_of, idempotent, origin_of
from apps.common.api.resources import columns_in
from apps.common.errors import NotFound
from apps.identity import actions, permissions, queries
from apps.identity.api.v1 import lists
from apps.identity.api.v1.shapes.roles import NewRole, RolePatch, RoleQuery, RoleShape, role_shapes
from rbac.django.models import Role
from rbac.django.permissions import requires


class Roles(Endpoint):
    """/identity/roles."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW_ROLES),
            name="list_roles",
            summary="List roles",
            query=RoleQuery,
            listing=lists.ROLES,
            returns={200: Page[RoleShape]},
        ),
        "POST": Operation(
            permission=requires(permissions.MANAGE_ROLES, step_up=True),
            name="create_role",
            summary="Create a role",
            body=NewRole,
            example={"code": "night-shift", "name": "Night shift", "permissions": ["ledger.view"]},
            returns={201: RoleShape},
            is_idempotent=True,
        ),
    }

    def get(self, request: Request) -> Response:
        """List the roles, built-in ones and others."""
        query = parse_query(request, RoleQuery)
        rows = queries.roles()
        if not isinstance(query.code, UnsetType):
            rows = rows.filter(code__in=query.code)
        if not isinstance(query.permission, UnsetType):
            rows = rows.filter(permissions__contains=[query.permission])
        if not isinstance(query.is_builtin, UnsetType):
            rows = rows.filter(is_builtin=query.is_builtin)
        return page_of(request, query, rows, lists.ROLES)

    def post(self, request: Request) -> Response:
        """Make a role of permissions that you hold everywhere."""
        body = parse_body(request, NewRole)
        return idempotent(request, body, lambda: self._created(request, body))

    def _created(self, request: Request, body: NewRole) -> Response:
        role = actions.create_role(
            code=body.code,
            name=body.name,
            permissions=body.permissions,
            caller=grants_of(request),
            origin=origin_of(request),
        )
        return _answer(role, status=201, location=f"{request.path}/{role.pk}")


class OneRole(Endpoint):
    """/identity/roles/{id}."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW_ROLES),
            name="get_role",
            summary="Read a role",
            returns={200: RoleShape},
        ),
        "PATCH": Operation(
            permission=requires(permissions.MANAGE_ROLES, step_up=True),
            name="change_role",
            summary="Change a role, for all who hold it",
            body=RolePatch,
            returns={200: RoleShape},
            is_conditional=True,
        ),
        "DELETE": Operation(
            permission=requires(permissions.MANAGE_ROLES, step_up=True),
            name="delete_role",
            summary="Delete a role that nobody holds",
            returns={204: None},
            is_conditional=True,
        ),
    }

    def get(self, request: Request, selector: str) -> Response:
        """Read one role by its id or `role:` and its code."""
        del request
        return _answer(_one(selector))

    def patch(self, request: Request, selector: str) -> Response:
        """Change what a role is called or allows; the permissions that come or go, you hold everywhere yourself."""
        body = parse_body(request, RolePatch)
        role = _one(selector)
        require_match(request, role.version)
        changed = actions.change_role(
            role, changes=columns_in(body), caller=grants_of(request), origin=origin_of(request)
        )
        return _answer(changed)

    def delete(self, request: Request, selector: str) -> Response:
        """Delete a role of your own that is not bound."""
        role = _one(selector)
        require_match(request, role.version)
        actions.delete_role(role, caller=grants_of(request), origin=origin_of(request))
        return Response(status=204)


def _one(selector: str) -> Role:
    if not queries.ROLES.understands(selector):
        raise NotFound
    found = queries.ROLES.find(queries.roles(), [selector])
    if selector not in found:
        raise NotFound
    return found[selector]


def _answer(role: Role, *, status: int = 200, location: str | None = None) -> Response:
    (shape,) = role_shapes([role])
    headers = {"ETag": etag(role.version)} | ({} if location is None else {"Location": location})
    return Response(shape, status=status, headers=headers)
