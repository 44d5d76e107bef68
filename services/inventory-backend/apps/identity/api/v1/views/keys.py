"""API keys: HTTP in, one action, HTTP out."""

from functools import reduce
from operator import or_
from typing import ClassVar, Final
from uuid import UUID

from django.utils import timezone
from msgspec import UNSET, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.pages import Listing, Page, page_of
from apps.common.api.requests import origin_of
from apps.common.api.shown import ShownQuery, shown
from apps.common.errors import Invalid, NotFound
from apps.identity import actions, permissions, queries
from apps.identity.api.v1.shapes.keys import (
    ApiKeyShape,
    KeyQuery,
    MadeKeyShape,
    NewKey,
    key_shapes,
    made_key_shape,
)
from apps.identity.api.v1.views.asking import principal_of
from apps.identity.models import ApiKey, User
from apps.identity.types import Authority, KeySpec, Principal
from rbac import Scope
from rbac.django.permissions import signed_in

_KEYS: Final = Listing(
    kind=ApiKeyShape, shape=key_shapes, sorts={"created_at": "id", "expires_at": "expires_at"}, default="-created_at"
)


class Keys(Endpoint):
    """GET and POST /identity/keys."""

    operations: ClassVar = {
        "GET": Operation(
            permission=signed_in(),
            name="list_api_keys",
            summary="List API keys",
            query=KeyQuery,
            listing=_KEYS,
            returns={200: Page[ApiKeyShape]},
        ),
        # Without an idempotency key, because the stored answer would hold the secret. With a recent proof, which no API
        # key has: a key of a key could outlive it.
        "POST": Operation(
            permission=signed_in(step_up=True),
            name="create_api_key",
            summary="Make an API key",
            body=NewKey,
            returns={201: MadeKeyShape},
        ),
    }

    def get(self, request: Request) -> Response:
        """Return one's own keys, and with `identity.manage_keys` those of others."""
        query, at = parse_query(request, KeyQuery), timezone.now()
        rows = queries.keys(caller=principal_of(request), at=at)
        if not isinstance(query.user, UnsetType):
            rows = rows.filter(**{f"user__{column}": value for column, value in [_named(query.user)]})
        if not isinstance(query.prefix, UnsetType):
            rows = rows.filter(prefix__in=query.prefix)
        if not isinstance(query.name__icontains, UnsetType):
            rows = rows.filter(name__icontains=query.name__icontains)
        if query.state != "any":
            live = queries.live_keys(at=at)
            rows = rows.filter(live) if query.state == "live" else rows.exclude(live)
        return page_of(request, query, rows, _KEYS)

    def post(self, request: Request) -> Response:
        """Make a key that can do a part of what its owner can; `key` is shown in this answer and never again."""
        body, principal = parse_body(request, NewKey), principal_of(request)
        owner = _owner(principal, body.user)
        spec = KeySpec(
            name=body.name,
            permissions=tuple(body.permissions),
            location_id=_place(principal, body.location),
            networks=tuple(body.networks),
            expires_at=body.expires_at,
        )
        key, text = actions.create_key(owner, spec, by=Authority.of(principal), origin=origin_of(request))
        headers = {"Location": f"{request.path}/{key.pk}"}
        return Response(made_key_shape(key, text), status=201, headers=headers)


class OneKey(Endpoint):
    """GET /identity/keys/{selector}."""

    operations: ClassVar = {
        "GET": Operation(
            permission=signed_in(),
            name="get_api_key",
            summary="Read an API key",
            query=ShownQuery,
            listing=_KEYS,
            returns={200: ApiKeyShape},
        )
    }

    def get(self, request: Request, selector: str) -> Response:
        """Return one key, by id or as `key:<prefix>`, without what makes it work."""
        query = parse_query(request, ShownQuery)
        shapes = key_shapes([_one(request, selector)])
        return Response(shown(query, shapes, _KEYS.kind, _KEYS.expansions)[0])


class RevokeKey(Endpoint):
    """POST /identity/keys/{selector}/revoke."""

    operations: ClassVar = {
        "POST": Operation(
            permission=signed_in(), name="revoke_api_key", summary="Revoke an API key", returns={200: ApiKeyShape}
        )
    }

    def post(self, request: Request, selector: str) -> Response:
        """End a key for ever, from its next request on; revoking twice changes nothing."""
        by = Authority.of(principal_of(request))
        key = actions.revoke_key(_one(request, selector), by=by, origin=origin_of(request))
        return Response(key_shapes([key])[0])


def _one(request: Request, selector: str) -> ApiKey:
    rows = queries.keys(caller=principal_of(request), at=timezone.now())
    try:
        found = queries.KEYS.find(rows, [selector])
    except Invalid as error:
        raise NotFound from error
    if selector not in found:
        raise NotFound
    return found[selector]


def _owner(principal: Principal, selector: str | UnsetType) -> User:
    if isinstance(selector, UnsetType):
        return User.objects.get(pk=principal.pk)
    managed = queries.users(principal.grants, permissions.MANAGE_KEYS, at=timezone.now())
    return queries.USERS.one(managed | User.objects.filter(pk=principal.pk), selector, pointer="#/user")


def _place(principal: Principal, selector: str | UnsetType | None) -> UUID | None:
    if selector is None or selector is UNSET:
        return None
    # Wherever the caller holds anything: all other locations do not exist for them.
    scopes = (principal.grants.scope(code) for code in principal.grants.permissions())
    places = queries.places(reduce(or_, scopes, Scope.nothing()))
    found: UUID = queries.LOCATIONS.one(places, selector, pointer="#/location").pk
    return found


def _named(selector: str) -> tuple[str, str]:
    try:
        return queries.USERS.parse(selector)
    except Invalid as error:
        raise Invalid.at("?user", "unknown_selector", error.detail) from error
