"""SCIM 2.0 (RFC 7644): a provider decides of its own users and groups. HTTP in, one action, HTTP out."""

import unicodedata
from http import HTTPStatus
from typing import Any, ClassVar, Final, cast, override

import msgspec
from django.db import transaction
from django.db.models import Model, QuerySet
from pydantic import ValidationError
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from scim2_models import Context, Error, ListResponse, PatchOp, Resource, SCIMException, SearchRequest

from apps.common.api.endpoint import Endpoint, NoQuery, Operation
from apps.common.api.errors import problem_handler
from apps.common.api.fields import uuid_or_none
from apps.common.api.parsers import JSONBody, RawBody
from apps.common.api.renderers import JSONAnswer
from apps.common.api.requests import origin_of
from apps.common.errors import DomainError, Duplicate, Forbidden, Invalid, NotFound, Unauthenticated
from apps.identity.actions import scim
from apps.identity.api.scim.resources import (
    GROUP,
    MOST_RESULTS,
    RESOURCE_TYPES,
    SCHEMAS,
    SERVICE,
    USER,
    group_resource,
    person_in,
    user_resource,
)
from apps.identity.api.v1.views.asking import principal_of
from apps.identity.models import Provider, ScimGroup, ScimUser
from apps.identity.permissions import SCIM
from rbac.django.permissions import requires

_LONGEST_USERNAME: Final = 64
_DEEPEST: Final = 20
_LONGEST: Final = 200
_LONGEST_EXTERNAL_ID: Final = 255


class ScimBody(JSONBody):
    """A SCIM body, kept as bytes."""

    media_type = "application/scim+json"


class ScimAnswer(JSONAnswer):
    """A SCIM answer (RFC 7644, 3.1)."""

    media_type = "application/scim+json"
    format = "scim"


def _operation(name: str) -> Operation:
    # Who may: a key that was made for it, of whoever a provider names as its client, which `initial` looks at.
    return Operation(permission=requires(SCIM), name=name, summary=name.replace("_", " ").capitalize(), query=NoQuery)


class ScimEndpoint(Endpoint):
    """A view for the SCIM client of a provider, and for nobody else."""

    schema = None  # SCIM describes itself at /scim/v2/Schemas
    parser_classes = (ScimBody, JSONBody)
    renderer_classes = (ScimAnswer, JSONAnswer)
    provider: Provider

    @override
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        caller = principal_of(request)
        if caller.key_id is None or not caller.grants.scope(SCIM).everywhere:
            raise Forbidden(f"Send an API key that was made with {SCIM}, for everywhere.")
        provider = Provider.objects.filter(scim_client_id=caller.pk).first()
        if provider is None:
            raise Forbidden("This account is no provider's SCIM client.")
        self.provider = provider

    @override
    def handle_exception(self, exc: Exception) -> Response:
        error = _scim_error(exc, self.request)
        if error is None:
            # Someone who is not signed in, what is busy, and bugs: as everywhere.
            return super().handle_exception(exc)
        return Response(error.model_dump(), status=int(error.status or 400))


def _scim_error(exc: Exception, request: Request) -> Error | None:
    if isinstance(exc, SCIMException):
        return exc.to_error()
    if isinstance(exc, ValidationError):
        return Error.from_validation_errors(exc)[0]
    if isinstance(exc, Unauthenticated | NotAuthenticated | AuthenticationFailed):
        return None  # before the handler hears of it: it is asked once more, and tells of every refusal
    if isinstance(exc, DomainError | APIException):
        answer = problem_handler(exc, {"request": request})
        if answer is None or answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE}:
            return None
        kind = "uniqueness" if isinstance(exc, Duplicate) else None
        kind = "invalidValue" if isinstance(exc, Invalid) else kind
        return Error(status=answer.status_code, scim_type=kind, detail=str(exc))
    return None


def _body(request: Request, kind: Any, context: Context) -> Any:
    raw: object = request.data
    content = raw.content if isinstance(raw, RawBody) else b""
    try:
        value = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Invalid.at("#", "malformed_json", f"The body is not JSON: {error}") from error
    _refuse_odd(value)
    return kind.model_validate(value, scim_ctx=context)


def _refuse_odd(value: Any) -> None:
    """Refuse text that PostgreSQL would refuse, and what is too deep to be meant."""
    level = [value]
    for _ in range(_DEEPEST + 1):
        texts = [text for each in level for text in _texts(each)]
        if any("\0" in text for text in texts):
            raise Invalid.at("#", "invalid", "No text has a NUL in it.")
        level = [inner for each in level for inner in _within(each)]
        if not level:
            return
    raise Invalid.at("#", "too_deep", f"Nothing is more than {_DEEPEST} levels deep.")


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value) if isinstance(value, dict) else []


def _within(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _search(request: Request, kind: Any) -> Any:
    return SearchRequest[kind].model_validate({name: values[-1] for name, values in request.query_params.lists()})


def _page(resources: list[Any], kind: Any, search: Any) -> Response:
    """Return what a search asks for, matched resource by resource: a provider has thousands, not millions."""
    found = [each for each in resources if search.filter is None or search.filter.match(each)]
    found = search.sort(found)
    first = search.start_index or 1
    count = MOST_RESULTS if search.count is None else min(search.count, MOST_RESULTS)
    page = found[first - 1 : first - 1 + count]
    answer = ListResponse[kind](
        total_results=len(found), start_index=first, items_per_page=len(page), resources=page or None
    )
    return Response(answer.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=search))


def _dumped(resource: Any, context: Context, request: Request, *, status: int = 200) -> Response:
    shown = _search(request, type(resource))
    answer = resource.model_dump(scim_ctx=context, response_parameters=shown)
    return Response(answer, status=status, headers={"Location": resource.meta.location})


def _one[M: Model](rows: QuerySet[M], pk: str) -> M:
    key = uuid_or_none(pk)
    row = None if key is None else rows.filter(pk=key).first()
    if row is None:
        raise NotFound
    return row


def _external_id(resource: Any) -> str:
    external_id: str = resource.external_id or ""
    if len(external_id) > _LONGEST_EXTERNAL_ID:
        raise Invalid.at("#/externalId", "invalid", f"Send an externalId of at most {_LONGEST_EXTERNAL_ID} characters.")
    return external_id


def _checked(resource: Any) -> Any:
    """Refuse what our columns cannot hold, and names that could not be told apart."""
    _external_id(resource)
    name = resource.user_name or ""
    if not unicodedata.is_normalized("NFKC", name):
        text = "Send userName in Unicode's form NFKC: names that look alike are one name."
        raise Invalid.at("#/userName", "invalid", text)
    if not 0 < len(name) <= _LONGEST_USERNAME or not name.isprintable() or name != name.strip():
        raise Invalid.at("#/userName", "invalid", f"Send a userName of 1 to {_LONGEST_USERNAME} printable characters.")
    return resource


class _OfUsers(ScimEndpoint):
    def rows(self) -> QuerySet[ScimUser]:
        """Return this client's own users."""
        return _users(self.provider)


class _OfGroups(ScimEndpoint):
    def rows(self) -> QuerySet[ScimGroup]:
        """Return this client's own groups."""
        return _groups(self.provider)


def _users(provider: Provider) -> QuerySet[ScimUser]:
    mine = ScimUser.objects.filter(provider=provider, archived_at=None).order_by("id")
    return mine.select_related("user", "provider").prefetch_related("memberships__group")


def _groups(provider: Provider) -> QuerySet[ScimGroup]:
    mine = ScimGroup.objects.filter(provider=provider).order_by("id")
    return mine.select_related("provider").prefetch_related("members")


class Users(_OfUsers):
    """/scim/v2/Users."""

    operations: ClassVar = {"GET": _operation("scim_list_users"), "POST": _operation("scim_create_user")}

    def get(self, request: Request) -> Response:
        """Return the users whom this client made."""
        return _page([user_resource(each) for each in self.rows()], USER, _search(request, USER))

    def post(self, request: Request) -> Response:
        """Make a user; whoever it is signs in at the provider."""
        body = _checked(_body(request, USER, Context.RESOURCE_CREATION_REQUEST))
        row = scim.add_scim_user(self.provider, person_in(body), origin=origin_of(request))
        return _dumped(user_resource(row), Context.RESOURCE_CREATION_RESPONSE, request, status=201)


class OneUser(_OfUsers):
    """/scim/v2/Users/{id}."""

    operations: ClassVar = {
        "GET": _operation("scim_get_user"),
        "PUT": _operation("scim_replace_user"),
        "PATCH": _operation("scim_change_user"),
        "DELETE": _operation("scim_delete_user"),
    }

    def get(self, request: Request, pk: str) -> Response:
        """Return one user."""
        return _dumped(user_resource(_one(self.rows(), pk)), Context.RESOURCE_QUERY_RESPONSE, request)

    def put(self, request: Request, pk: str) -> Response:
        """Make a user what the body says; who is not active has no session left."""
        body = _checked(_body(request, USER, Context.RESOURCE_REPLACEMENT_REQUEST))
        with transaction.atomic():
            row = _one(self.rows().select_for_update(of=("self",)), pk)
            body.replace(user_resource(row))
            row = scim.change_scim_user(row, person_in(body, is_active=row.user.is_active), origin=origin_of(request))
        return _dumped(user_resource(row), Context.RESOURCE_REPLACEMENT_RESPONSE, request)

    def patch(self, request: Request, pk: str) -> Response:
        """Change part of a user."""
        patch = _body(request, PatchOp[USER], Context.RESOURCE_PATCH_REQUEST)
        with transaction.atomic():
            row = _one(self.rows().select_for_update(of=("self",)), pk)
            resource = user_resource(row)
            patch.patch(resource)
            # Who takes `active` away leaves what it is by default, as at the beginning.
            person = person_in(_checked(resource), is_active=True)
            row = scim.change_scim_user(row, person, origin=origin_of(request))
        return _dumped(user_resource(row), Context.RESOURCE_PATCH_RESPONSE, request)

    def delete(self, request: Request, pk: str) -> Response:
        """Switch a user off for good."""
        scim.remove_scim_user(_one(self.rows(), pk), origin=origin_of(request))
        return Response(status=204)


class Groups(_OfGroups):
    """/scim/v2/Groups."""

    operations: ClassVar = {"GET": _operation("scim_list_groups"), "POST": _operation("scim_create_group")}

    def get(self, request: Request) -> Response:
        """Return the groups that this client made."""
        return _page([group_resource(each) for each in self.rows()], GROUP, _search(request, GROUP))

    def post(self, request: Request) -> Response:
        """Make a group."""
        body = _body(request, GROUP, Context.RESOURCE_CREATION_REQUEST)
        row = _write_group(ScimGroup(provider=self.provider), body, request)
        return _dumped(group_resource(row), Context.RESOURCE_CREATION_RESPONSE, request, status=201)


class OneGroup(_OfGroups):
    """/scim/v2/Groups/{id}."""

    operations: ClassVar = {
        "GET": _operation("scim_get_group"),
        "PUT": _operation("scim_replace_group"),
        "PATCH": _operation("scim_change_group"),
        "DELETE": _operation("scim_delete_group"),
    }

    def get(self, request: Request, pk: str) -> Response:
        """Return one group."""
        return _dumped(group_resource(_one(self.rows(), pk)), Context.RESOURCE_QUERY_RESPONSE, request)

    def put(self, request: Request, pk: str) -> Response:
        """Make a group what the body says."""
        body = _body(request, GROUP, Context.RESOURCE_REPLACEMENT_REQUEST)
        with transaction.atomic():
            row = _one(self.rows().select_for_update(of=("self",)), pk)
            body.replace(group_resource(row))
            row = _write_group(row, body, request)
        return _dumped(group_resource(row), Context.RESOURCE_REPLACEMENT_RESPONSE, request)

    def patch(self, request: Request, pk: str) -> Response:
        """Change part of a group."""
        patch = _body(request, PatchOp[GROUP], Context.RESOURCE_PATCH_REQUEST)
        with transaction.atomic():
            row = _one(self.rows().select_for_update(of=("self",)), pk)
            resource = group_resource(row)
            patch.patch(resource)
            row = _write_group(row, resource, request)
        return _dumped(group_resource(row), Context.RESOURCE_PATCH_RESPONSE, request)

    def delete(self, request: Request, pk: str) -> Response:
        """Delete a group, and what it gave."""
        scim.remove_scim_group(_one(self.rows(), pk), origin=origin_of(request))
        return Response(status=204)


def _write_group(row: ScimGroup, resource: Any, request: Request) -> ScimGroup:
    name = resource.display_name or ""
    if not 0 < len(name) <= _LONGEST or not name.isprintable():
        raise Invalid.at("#/displayName", "invalid", f"Send a displayName of 1 to {_LONGEST} printable characters.")
    keys = [uuid_or_none(str(member.value)) for member in resource.members or []]
    known = [key for key in keys if key is not None]
    if len(known) != len(keys):
        raise Invalid.at("#/members", "unknown_member", "A member is named by the id of a user.")
    return scim.write_scim_group(
        row, display_name=name, external_id=_external_id(resource), members=known, origin=origin_of(request)
    )


class Service(ScimEndpoint):
    """What this service offers, of what kinds, made of what: /ServiceProviderConfig, /ResourceTypes and /Schemas."""

    operations: ClassVar = {"GET": _operation("scim_describe")}

    def get(self, request: Request, kind: str, pk: str = "") -> Response:
        """Return one description, or all of a kind (RFC 7644, 4: filters are refused)."""
        if "filter" in request.query_params:
            raise Forbidden("A description takes no filter.")
        if kind == "ServiceProviderConfig":
            return Response(SERVICE.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))
        found: list[Resource[Any]] = list(cast("Any", SCHEMAS if kind == "Schemas" else RESOURCE_TYPES))
        if pk:
            named = [each for each in found if each.id == pk]
            if not named:
                raise NotFound
            return Response(named[0].model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))
        kind_of_list: Any = ListResponse[type(found[0])]  # type: ignore[misc]  # a type at run time
        answer = kind_of_list(total_results=len(found), start_index=1, items_per_page=len(found), resources=found)
        return Response(answer.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))


class Elsewhere(ScimEndpoint):
    """/scim/v2/.search, and every other address below."""

    operations: ClassVar = {"GET": _operation("scim_nothing"), "POST": _operation("scim_search")}

    def get(self, request: Request, rest: str) -> Response:
        """Say in SCIM's words that there is nothing."""
        del request, rest
        raise NotFound

    def post(self, request: Request, rest: str) -> Response:
        """Search users and groups at once (RFC 7644, 3.4.3)."""
        if rest != ".search":
            raise NotFound
        search = _body(request, SearchRequest[USER | GROUP], Context.SEARCH_REQUEST)
        resources = [user_resource(each) for each in _users(self.provider)]
        resources += [group_resource(each) for each in _groups(self.provider)]
        return _page(resources, USER | GROUP, search)
