"""The OpenAPI document, from the operations and wire shapes that the views declare (api.md 18).

drf-spectacular walks the routes and writes the document; the shapes are msgspec's, whose JSON Schema is what
OpenAPI 3.1 speaks, so they are handed over as they are.
"""

import re
from collections.abc import Iterable
from typing import Any, cast, override

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from msgspec import NODEFAULT
from msgspec.structs import fields as struct_fields

from apps.common.api.components import components, reference, shown_reference
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.errors import PROBLEM_JSON, ProblemDetails
from apps.common.api.fields import IdempotencyKey
from apps.common.api.links import add_links
from apps.common.api.pages import Listing
from apps.common.api.shown import Expansions


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's registry
    """Tell the document how to sign in."""

    target_class = "apps.identity.authentication.BearerToken"
    name = "bearer"

    @override
    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "at+jwt"}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's registry
    """Tell the document how a program comes."""

    target_class = "apps.identity.authentication.ApiKey"
    name = "apiKey"

    @override
    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "Api-Key"}


class CookieScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's registry
    """Tell the document how browsers sign in."""

    target_class = "apps.identity.authentication.SessionCookie"
    name = "cookie"

    @override
    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-session",
            "description": "Each write needs the session's token as X-CSRF-Token and an Origin of this service.",
        }


_KEY_TEXT = "A new UUID for each new request, and the same one for each retry."
_MATCH_TEXT = "The ETag that the decision to write was made on."


class OperationSchema(AutoSchema):
    """Describe a view's method by its `Operation`."""

    @property
    def _operation(self) -> Operation:
        return cast("Endpoint", self.view).operations[self.method]

    @override
    def get_operation_id(self) -> str:
        return self._operation.name

    @override
    def get_summary(self) -> str:
        return self._operation.summary

    @override
    def get_description(self) -> str:  # type: ignore[override]  # spectacular's own signature
        return (getattr(self.view, self.method.lower()).__doc__ or "").strip()

    @override
    def get_tags(self) -> list[str]:
        parts = self.path.removeprefix("/api/v1/").split("/")
        return [parts[0]]

    @override
    def get_request_serializer(self) -> Any:
        body = self._operation.body
        return None if body is None else {"application/json": reference(body)}

    @override
    def _get_request_body(self, direction: str = "request") -> Any:
        described = super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # spectacular's own
        example = self._operation.example
        if example is not None:
            described["content"]["application/json"]["example"] = msgspec.to_builtins(example)
        return described and {**described, "required": True}

    @override
    def map_parsers(self) -> list[str]:
        return ["application/json"]

    @override
    def map_renderers(self, attribute: str) -> list[str]:
        return ["application/json"]

    @override
    def get_response_serializers(self) -> Any:
        operation = self._operation
        answers = {status: None if kind is None else reference(kind) for status, kind in operation.returns.items()}
        listing = operation.listing
        if listing is not None and operation.returns[200] is listing.kind:
            answers[200] = shown_reference(listing)
        elif listing is not None:
            shown_reference(listing)  # the items of its page
        if operation.can_validate_only:
            validated, done = reference(operation.validated), answers.get(200)
            answers[200] = validated if done is None else {"anyOf": [done, validated]}
        responses: dict[Any, Any] = {
            status: OpenApiResponse(schema, description=_described(status)) for status, schema in answers.items()
        }
        responses["default", PROBLEM_JSON] = OpenApiResponse(
            reference(ProblemDetails), description="Anything else, as problem details (RFC 9457)."
        )
        return responses

    @override
    def get_override_parameters(self) -> list[Any]:
        operation = self._operation
        parameters = list(_query_parameters(operation.parameters, operation.listing))
        if operation.is_idempotent:
            parameters.append(_header("Idempotency-Key", IdempotencyKey, _KEY_TEXT, is_required=True))
        if operation.is_conditional:
            parameters.append(_header("If-Match", str, _MATCH_TEXT, is_required=operation.needs_match))
        return parameters


def _header(name: str, kind: Any, description: str, *, is_required: bool) -> OpenApiParameter:
    return OpenApiParameter(
        name, reference(kind), OpenApiParameter.HEADER, required=is_required, description=description
    )


def _query_parameters(kind: type[msgspec.Struct], listing: Listing[Any, Any] | None) -> Iterable[OpenApiParameter]:
    choices = {} if listing is None else _choices(listing)
    for field in struct_fields(kind):
        schema = reference(field.type)
        wanted = choices.get(field.encode_name)
        if wanted == []:
            continue  # such as `expand` where an answer has no stubs
        if wanted is not None:
            schema["pattern"] = f"^({'|'.join(wanted)})(,({'|'.join(wanted)}))*$"
        yield OpenApiParameter(
            field.encode_name,
            schema,
            OpenApiParameter.QUERY,
            required=field.default is NODEFAULT and field.default_factory is NODEFAULT,
            description=str(schema.get("description", "")),
            explode=True if schema.get("type") == "array" else None,
            style="form" if schema.get("type") == "array" else None,
        )


def _choices(listing: Listing[Any, Any]) -> dict[str, list[str]]:
    """Return what `sort`, `expand` and `fields` of a list may name."""
    return {
        "sort": [f"-?{name}" for name in listing.sorts],
        "expand": [re.escape(path) for path in _paths(listing.expansions)],
        "fields": list(listing.kind.__struct_fields__),
    }


def _paths(expansions: Expansions) -> Iterable[str]:
    for name, expansion in expansions.items():
        yield name
        yield from (f"{name}.{deeper}" for deeper in _paths(expansion.nested))


def add_components(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Add the wire shapes that the operations refer to, and links (a drf-spectacular post-processing hook)."""
    result.setdefault("components", {})["schemas"] = components()
    add_links(result)
    return result


def _described(status: int) -> str:
    return {200: "Done.", 201: "Created.", 204: "Gone.", 207: "One result for each item."}.get(status, "")
