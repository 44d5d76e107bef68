"""Where people may sign in, for whoever decides it: HTTP in, one action, HTTP out."""

from collections.abc import Callable
from typing import Any, ClassVar, Final
from uuid import UUID

from msgspec import UNSET
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.conditional import etag, require_match
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.fields import uuid_or_none
from apps.common.api.pages import Listing, Page, page_of
from apps.common.api.requests import grants_of, origin_of, written
from apps.common.api.shown import ShownQuery, shown
from apps.common.errors import Invalid, NotFound
from apps.identity import actions
from apps.identity.actions.providers import refuse_unless_everywhere
from apps.identity.api.v1.shapes.provider_settings import settings_in
from apps.identity.api.v1.shapes.providers import (
    NewProvider,
    ProviderPatch,
    ProviderQuery,
    ProviderShape,
    TestedShape,
    group_roles_in,
    provider_shapes,
    tested_shape,
)
from apps.identity.models import Provider, User
from apps.identity.permissions import MANAGE_PROVIDERS
from rbac.django.permissions import requires

LISTING: Final = Listing(
    kind=ProviderShape, shape=provider_shapes, sorts={"code": "code", "created_at": "id"}, default="code"
)
_MANAGE: Final = requires(MANAGE_PROVIDERS)
_MANAGE_OF_LATE: Final = requires(MANAGE_PROVIDERS, step_up=True)


class Providers(Endpoint):
    """/identity/providers."""

    operations: ClassVar = {
        "GET": Operation(
            permission=_MANAGE,
            name="list_providers",
            summary="List identity providers",
            query=ProviderQuery,
            listing=LISTING,
            returns={200: Page[ProviderShape]},
        ),
        "POST": Operation(
            permission=_MANAGE_OF_LATE,
            name="create_provider",
            summary="Add an identity provider, switched off",
            body=NewProvider,
            returns={201: ProviderShape},
            can_validate_only=True,
        ),
    }

    def get(self, request: Request) -> Response:
        """Return every provider, whether it is on or off."""
        refuse_unless_everywhere(grants_of(request))
        return page_of(request, parse_query(request, ProviderQuery), Provider.objects.all(), LISTING)

    def post(self, request: Request) -> Response:
        """Add an identity provider; test it, then switch it on."""
        body = parse_body(request, NewProvider)
        provider = Provider(
            code=body.code,
            name=body.name,
            kind=body.kind,
            settings=settings_in(body, {}, body.kind),
            provisions_users=body.provisions_users,
            group_roles=group_roles_in(body.group_roles),
        )

        def create() -> Response:
            made = actions.create_provider(provider, grants=grants_of(request), origin=origin_of(request))
            response = _answer(made, status=201)
            response["Location"] = f"{request.path}/{made.pk}"
            return response

        return written(request, create)


class OneProvider(Endpoint):
    """/identity/providers/{code}."""

    operations: ClassVar = {
        "GET": Operation(
            permission=_MANAGE,
            name="get_provider",
            summary="Read an identity provider",
            query=ShownQuery,
            listing=LISTING,
            returns={200: ProviderShape},
        ),
        "PATCH": Operation(
            permission=_MANAGE_OF_LATE,
            name="change_provider",
            summary="Change an identity provider",
            body=ProviderPatch,
            returns={200: ProviderShape},
            is_conditional=True,
            can_validate_only=True,
        ),
        "DELETE": Operation(
            permission=_MANAGE_OF_LATE,
            name="delete_provider",
            summary="Delete an identity provider that nobody ever used",
            returns={204: None},
            is_conditional=True,
        ),
    }

    def get(self, request: Request, selector: str) -> Response:
        """Return one provider by its code or id."""
        query = parse_query(request, ShownQuery)
        provider = _one(request, selector)
        shapes = shown(query, provider_shapes([provider]), ProviderShape, {})
        return Response(shapes[0], headers={"ETag": etag(provider.version)})

    def patch(self, request: Request, selector: str) -> Response:
        """Change a provider; new settings switch it off until they are tested."""
        body = parse_body(request, ProviderPatch)
        provider = _one(request, selector)
        require_match(request, provider.version)
        changes = _changes(body, provider)
        return written(
            request,
            lambda: _answer(
                actions.change_provider(provider, changes, grants=grants_of(request), origin=origin_of(request))
            ),
        )

    def delete(self, request: Request, selector: str) -> Response:
        """Delete a provider that is off and that nobody ever came from."""
        provider = _one(request, selector)
        require_match(request, provider.version)
        actions.delete_provider(provider, origin=origin_of(request))
        return Response(status=204)


class TestProvider(Endpoint):
    """POST /identity/providers/{code}/test."""

    operations: ClassVar = {
        "POST": Operation(
            permission=_MANAGE_OF_LATE,
            name="test_provider",
            summary="Try everything that can be tried without a person",
            returns={200: TestedShape},
        )
    }

    def post(self, request: Request, selector: str) -> Response:
        """Ask the provider for its document and keys, and look whether our secret is there."""
        checks = actions.test_provider(_one(request, selector), origin=origin_of(request))
        return Response(tested_shape(checks))


class EnableProvider(Endpoint):
    """POST /identity/providers/{code}/enable."""

    operations: ClassVar = {
        "POST": Operation(
            permission=_MANAGE_OF_LATE,
            name="enable_provider",
            summary="Switch an identity provider on, after a test",
            returns={200: ProviderShape},
            is_conditional=True,
            needs_match=False,
        )
    }

    def post(self, request: Request, selector: str) -> Response:
        """Let people sign in there."""
        return _switched(request, selector, actions.enable_provider)


class DisableProvider(Endpoint):
    """POST /identity/providers/{code}/disable."""

    operations: ClassVar = {
        "POST": Operation(
            permission=_MANAGE_OF_LATE,
            name="disable_provider",
            summary="Switch an identity provider off",
            returns={200: ProviderShape},
            is_conditional=True,
            needs_match=False,
        )
    }

    def post(self, request: Request, selector: str) -> Response:
        """Let nobody sign in there any more; sessions that began there go on."""
        return _switched(request, selector, actions.disable_provider)


def _switched(request: Request, selector: str, act: Callable[..., Provider]) -> Response:
    provider = _one(request, selector)
    require_match(request, provider.version, is_required=False)
    return _answer(act(provider, origin=origin_of(request)))


def _one(request: Request, selector: str) -> Provider:
    refuse_unless_everywhere(grants_of(request))
    pk = uuid_or_none(selector)
    names = {"code": selector} if pk is None else {"pk": pk}
    provider = None if "\0" in selector else Provider.objects.filter(**names).first()
    if provider is None:
        raise NotFound
    return provider


def _answer(provider: Provider, *, status: int = 200) -> Response:
    return Response(provider_shapes([provider])[0], status=status, headers={"ETag": etag(provider.version)})


def _changes(body: ProviderPatch, provider: Provider) -> dict[str, Any]:
    plain = {name: getattr(body, name) for name in ("name", "provisions_users")}
    changes: dict[str, Any] = {name: value for name, value in plain.items() if value is not UNSET}
    if body.group_roles is not UNSET:
        changes["group_roles"] = group_roles_in(body.group_roles)
    if body.scim_client is not UNSET:
        changes["scim_client_id"] = _client(body.scim_client)
    if provider.kind != "local":
        return changes | {"settings": settings_in(body, provider.settings, provider.kind)}
    foreign = [name for name in body.__struct_fields__ if getattr(body, name) is not UNSET and name != "name"]
    if foreign:
        raise Invalid.at(f"#/{foreign[0]}", "not_for_passwords", "Passwords have a name, and nothing else to set.")
    return changes


def _client(text: str | None) -> UUID | None:
    if text is None:
        return None
    pk = uuid_or_none(text)
    if pk is None or not User.objects.filter(pk=pk).exists():
        raise Invalid.at("#/scim_client", "unknown_user", f"There is no user {text}.")
    return pk
