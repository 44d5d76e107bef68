"""Users and service accounts: HTTP in, one action, HTTP out."""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.utils import timezone
from msgspec import UNSET, Struct
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.conditional import etag, require_match
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.fields import given
from apps.common.api.pages import Listing, Page, page_of
from apps.common.api.requests import origin_of, written
from apps.common.api.shown import ShownQuery, shown
from apps.common.errors import Invalid, NotFound
from apps.identity import actions, permissions, queries
from apps.identity.api.v1.shapes.users import (
    AccountQuery,
    NewServiceAccount,
    NewUser,
    ServiceAccountPatch,
    ServiceAccountShape,
    UserPatch,
    UserQuery,
    UserShape,
    service_account_shapes,
    user_columns,
    user_shapes,
)
from apps.identity.api.v1.views.asking import principal_of
from apps.identity.models import User
from apps.identity.types import Authority, UserKind
from rbac.django.permissions import requires

_SORTS: Final = {"username": "username", "created_at": "id"}
_PEOPLE: Final = Listing(kind=UserShape, shape=user_shapes, sorts=_SORTS, default="username")
_SERVICES: Final = Listing(kind=ServiceAccountShape, shape=service_account_shapes, sorts=_SORTS, default="username")
_FILTERS: Final = {
    "username": "username__in",
    "username__icontains": "username__icontains",
    "name__icontains": "name__icontains",
    "email": "email__in",
}


class _Accounts(Endpoint):
    """What users and service accounts have in common."""

    kind: ClassVar[UserKind]
    listing: ClassVar[Listing[User, Any]]

    def rows(self, request: Request, permission: str) -> QuerySet[User]:
        """Return the accounts of this kind for whom the caller holds a permission."""
        return queries.users(principal_of(request).grants, permission, at=timezone.now()).filter(kind=self.kind.value)

    def one(self, request: Request, selector: str, permission: str) -> User:
        """Return the account that is named; raises `NotFound` where the caller may see none."""
        try:
            found = queries.USERS.find(self.rows(request, permission), [selector])
        except Invalid as error:
            raise NotFound from error
        if selector not in found:
            raise NotFound
        return found[selector]

    def page(self, request: Request, query: AccountQuery) -> Response:
        """Return a page of the list."""
        rows = self.rows(request, permissions.VIEW_USERS)
        for name, lookup in _FILTERS.items():
            value = getattr(query, name, UNSET)
            if value is not UNSET:
                rows = rows.filter(**{lookup: value})
        if query.active != "any":
            rows = rows.filter(is_active=query.active == "yes")
        return page_of(request, query, rows, self.listing)

    def answer(self, user: User, *, status: int = 200, query: ShownQuery | None = None) -> Response:
        """Return one account with its ETag."""
        shapes: Any = self.listing.shape([user])
        if query is not None:
            shapes = shown(query, shapes, self.listing.kind, self.listing.expansions)
        return Response(shapes[0], status=status, headers={"ETag": etag(user.version)})

    def created(self, request: Request, create: Callable[[], User]) -> Response:
        """Create an account, or with `validate_only` see whether that would be possible."""

        def act() -> Response:
            response = self.answer(create(), status=201)
            response["Location"] = f"{request.path}/{response.data.id}"
            return response

        return written(request, act)

    def changed(self, request: Request, selector: str, body: Struct) -> Response:
        """Change the version of an account that the caller has read."""
        user = self.one(request, selector, permissions.MANAGE_USERS)
        require_match(request, user.version)
        by, origin = Authority.of(principal_of(request)), origin_of(request)
        return written(
            request, lambda: self.answer(actions.change_user(user, user_columns(body), by=by, origin=origin))
        )

    def switched(self, request: Request, selector: str, act: Callable[..., User]) -> Response:
        """Switch an account off or on."""
        user = self.one(request, selector, permissions.MANAGE_USERS)
        require_match(request, user.version, is_required=False)
        return self.answer(act(user, by=Authority.of(principal_of(request)), origin=origin_of(request)))


class _People(_Accounts):
    kind = UserKind.PERSON
    listing = _PEOPLE


class _Services(_Accounts):
    kind = UserKind.SERVICE
    listing = _SERVICES


def _operations_on_one(noun: str, words: str, patch: type[Struct], kind: type[Struct]) -> dict[str, Operation]:
    return {
        "GET": Operation(
            permission=requires(permissions.VIEW_USERS),
            name=f"get_{noun}",
            summary=f"Read a {words}",
            query=ShownQuery,
            listing=_PEOPLE if kind is UserShape else _SERVICES,
            returns={200: kind},
        ),
        "PATCH": Operation(
            permission=requires(permissions.MANAGE_USERS, step_up=True),
            name=f"change_{noun}",
            summary=f"Change a {words}",
            body=patch,
            returns={200: kind},
            is_conditional=True,
            can_validate_only=True,
        ),
    }


def _switch(verb: str, noun: str, words: str, kind: type[Struct]) -> dict[str, Operation]:
    return {
        "POST": Operation(
            permission=requires(permissions.MANAGE_USERS, step_up=True),
            name=f"{verb}_{noun}",
            summary=f"Switch a {words} {'off' if verb == 'disable' else 'on'}",
            returns={200: kind},
            is_conditional=True,
            needs_match=False,
        )
    }


class Users(_People):
    """GET and POST /identity/users."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW_USERS),
            name="list_users",
            summary="List users",
            query=UserQuery,
            listing=_PEOPLE,
            returns={200: Page[UserShape]},
        ),
        "POST": Operation(
            permission=requires(permissions.MANAGE_USERS, step_up=True),
            name="create_user",
            summary="Create a user",
            body=NewUser,
            returns={201: UserShape},
            can_validate_only=True,
        ),
    }

    def get(self, request: Request) -> Response:
        """Return the users who hold a role where the caller may see users, and those who hold none."""
        return self.page(request, parse_query(request, UserQuery))

    def post(self, request: Request) -> Response:
        """Create a user who may do nothing yet: bind them to a role next."""
        body, origin = parse_body(request, NewUser), origin_of(request)
        columns = user_columns(body)
        names = {"username": columns.pop("username"), "name": columns.pop("name")}
        password = given(body.password, None)
        return self.created(
            request, lambda: actions.create_user(**names, password=password, origin=origin, profile=columns)
        )


class OneUser(_People):
    """GET and PATCH /identity/users/{selector}."""

    operations: ClassVar = _operations_on_one("user", "user", UserPatch, UserShape)

    def get(self, request: Request, selector: str) -> Response:
        """Return one user, by id or as `user:<username>`."""
        query = parse_query(request, ShownQuery)
        return self.answer(self.one(request, selector, permissions.VIEW_USERS), query=query)

    def patch(self, request: Request, selector: str) -> Response:
        """Change a user who holds nothing that the caller does not hold; a new e-mail address is not verified."""
        return self.changed(request, selector, parse_body(request, UserPatch))


class DisableUser(_People):
    """POST /identity/users/{selector}/disable."""

    operations: ClassVar = _switch("disable", "user", "user", UserShape)

    def post(self, request: Request, selector: str) -> Response:
        """End the user's sessions and refuse the next request of theirs, with a key too."""
        return self.switched(request, selector, actions.disable_user)


class EnableUser(_People):
    """POST /identity/users/{selector}/enable."""

    operations: ClassVar = _switch("enable", "user", "user", UserShape)

    def post(self, request: Request, selector: str) -> Response:
        """Let the user sign in again; API keys that were not revoked work again."""
        return self.switched(request, selector, actions.enable_user)


class ServiceAccounts(_Services):
    """GET and POST /identity/service-accounts."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW_USERS),
            name="list_service_accounts",
            summary="List service accounts",
            query=AccountQuery,
            listing=_SERVICES,
            returns={200: Page[ServiceAccountShape]},
        ),
        "POST": Operation(
            permission=requires(permissions.MANAGE_USERS, step_up=True),
            name="create_service_account",
            summary="Create a service account",
            body=NewServiceAccount,
            returns={201: ServiceAccountShape},
            can_validate_only=True,
        ),
    }

    def get(self, request: Request) -> Response:
        """Return the service accounts that hold a role where the caller may see users, and those that hold none."""
        return self.page(request, parse_query(request, AccountQuery))

    def post(self, request: Request) -> Response:
        """Create an account for a program: bind it to a role, then make an API key for it."""
        body, origin = parse_body(request, NewServiceAccount), origin_of(request)
        return self.created(
            request,
            lambda: actions.create_service_account(username=body.username, name=body.name, origin=origin),
        )


class OneServiceAccount(_Services):
    """GET and PATCH /identity/service-accounts/{selector}."""

    operations: ClassVar = _operations_on_one(
        "service_account", "service account", ServiceAccountPatch, ServiceAccountShape
    )

    def get(self, request: Request, selector: str) -> Response:
        """Return one service account, by id or as `user:<username>`."""
        query = parse_query(request, ShownQuery)
        return self.answer(self.one(request, selector, permissions.VIEW_USERS), query=query)

    def patch(self, request: Request, selector: str) -> Response:
        """Change a service account that holds nothing that the caller does not hold."""
        return self.changed(request, selector, parse_body(request, ServiceAccountPatch))


class DisableServiceAccount(_Services):
    """POST /identity/service-accounts/{selector}/disable."""

    operations: ClassVar = _switch("disable", "service_account", "service account", ServiceAccountShape)

    def post(self, request: Request, selector: str) -> Response:
        """Refuse the next request with any of its keys."""
        return self.switched(request, selector, actions.disable_user)


class EnableServiceAccount(_Services):
    """POST /identity/service-accounts/{selector}/enable."""

    operations: ClassVar = _switch("enable", "service_account", "service account", ServiceAccountShape)

    def post(self, request: Request, selector: str) -> Response:
        """Let its keys work again, those that were not revoked."""
        return self.switched(request, selector, actions.enable_user)
