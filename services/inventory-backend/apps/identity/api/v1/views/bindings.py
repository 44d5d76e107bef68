"""Who holds which role where: HTTP in, one action or query, HTTP out."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from msgspec import UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.fields import uuid_or_none
from apps.common.api.pages import Page, page_of
from apps.common.api.requests import grants_of, idempotent, origin_of
from apps.common.errors import Invalid, NotFound
from apps.identity import actions, permissions, queries
from apps.identity.api.v1 import lists
from apps.identity.api.v1.shapes.bindings import BindingQuery, BindingShape, NewBinding, binding_shapes
from apps.identity.models import Group, User
from rbac.django.models import Binding
from rbac.django.permissions import requires


class Bindings(Endpoint):
    """/identity/bindings."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW_ROLES),
            name="list_bindings",
            summary="List who holds which role where",
            query=BindingQuery,
            listing=lists.BINDINGS,
            returns={200: Page[BindingShape]},
        ),
        "POST": Operation(
            permission=requires(permissions.MANAGE_ROLES, step_up=True),
            name="bind_role",
            summary="Give somebody a role",
            body=NewBinding,
            example={"user": "user:pia", "role": "role:picker", "location": "loc:WH1"},
            returns={201: BindingShape},
            is_idempotent=True,
        ),
    }

    def get(self, request: Request) -> Response:
        """List the bindings at the locations where you may see roles."""
        query = parse_query(request, BindingQuery)
        return page_of(request, query, _narrowed(request, query), lists.BINDINGS)

    def post(self, request: Request) -> Response:
        """Give a user or a group a role from a location downwards; you hold all of it there yourself."""
        body = parse_body(request, NewBinding)
        return idempotent(request, body, lambda: self._bound(request, body))

    def _bound(self, request: Request, body: NewBinding) -> Response:
        location = None
        if body.location is not None:
            location = queries.LOCATIONS.one(_places(request), body.location, pointer="#/location")
        binding = actions.bind_role(
            _subject(request, body),
            queries.ROLES.one(queries.roles(), body.role, pointer="#/role"),
            location_id=None if location is None else location.pk,
            valid_from=body.valid_from,
            valid_until=body.valid_until,
            caller=grants_of(request),
            origin=origin_of(request),
        )
        return _answer(binding, status=201, location=f"{request.path}/{binding.pk}")


class OneBinding(Endpoint):
    """/identity/bindings/{id}."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW_ROLES),
            name="get_binding",
            summary="Read a binding",
            returns={200: BindingShape},
        ),
        "DELETE": Operation(
            permission=requires(permissions.MANAGE_ROLES, step_up=True),
            name="unbind_role",
            summary="Take a role away",
            returns={204: None},
        ),
    }

    def get(self, request: Request, selector: str) -> Response:
        """Read one binding by its id."""
        return _answer(_one(request, selector, permissions.VIEW_ROLES))

    def delete(self, request: Request, selector: str) -> Response:
        """End a binding; what it allowed, they lose with their next request."""
        binding = _one(request, selector, permissions.MANAGE_ROLES)
        actions.unbind_role(binding, caller=grants_of(request), origin=origin_of(request))
        return Response(status=204)


def _narrowed(request: Request, query: BindingQuery) -> QuerySet[Binding]:
    rows = queries.bindings(grants_of(request).scope(permissions.VIEW_ROLES))
    if not isinstance(query.user, UnsetType):
        rows = rows.filter(user=queries.USERS.one(_users(request, permissions.VIEW_ROLES), query.user, pointer="?user"))
    if not isinstance(query.group, UnsetType):
        rows = rows.filter(group=queries.GROUPS.one(queries.groups(), query.group, pointer="?group"))
    if not isinstance(query.role, UnsetType):
        rows = rows.filter(role=queries.ROLES.one(queries.roles(), query.role, pointer="?role"))
    if not isinstance(query.location, UnsetType):
        rows = rows.filter(location=queries.LOCATIONS.one(_places(request), query.location, pointer="?location"))
    if not isinstance(query.subject_kind, UnsetType):
        rows = rows.filter(subject_kind=query.subject_kind)
    return rows


def _places(request: Request) -> QuerySet[Any]:
    grants = grants_of(request)
    return queries.places(grants.scope(permissions.VIEW_ROLES) | grants.scope(permissions.MANAGE_ROLES))


def _users(request: Request, permission: str) -> QuerySet[User]:
    return queries.users(grants_of(request), permission, at=timezone.now())


def _subject(request: Request, body: NewBinding) -> User | Group:
    match body.user, body.group:
        case str(user), UnsetType():
            return queries.USERS.one(_users(request, permissions.MANAGE_ROLES), user, pointer="#/user")
        case UnsetType(), str(group):
            return queries.GROUPS.one(queries.groups(), group, pointer="#/group")
        case _:
            raise Invalid.at("#", "one_subject", "Send either user or group.")


def _one(request: Request, selector: str, permission: str) -> Binding:
    key = uuid_or_none(selector)
    binding = queries.bindings(grants_of(request).scope(permission)).filter(pk=key).first() if key else None
    if binding is None:
        raise NotFound
    return binding


def _answer(binding: Binding, *, status: int = 200, location: str | None = None) -> Response:
    (shape,) = binding_shapes([binding])
    # A binding never changes: it is ended, and another one is made.
    headers = {"ETag": '"v1"'} | ({} if location is None else {"Location": location})
    return Response(shape, status=status, headers=headers)
