"""The OpenAPI document, from the operations and wire shapes that the views declare (api.md 18).

drf-spectacular walks the routes and writes the document; the shapes are msgspec's, whose JSON Schema is what
OpenAPI 3.1 speaks, so they are handed over as they are.
"""

from collections.abc import Iterable
from typing import Any, cast, override

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from msgspec import NODEFAULT
from msgspec.structs import fields as struct_fields

from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.errors import PROBLEM_JSON, ProblemDetails
from apps.common.api.requests import VALIDATE_ONLY

_REF = "#/components/schemas/{name}"
_seen: dict[Any, None] = {ProblemDetails: None}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular's registry
    """Tell the document how to sign in."""

    target_class = "apps.identity.authentication.BearerToken"
    name = "bearer"

    @override
    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "at+jwt"}


_HEADERS = {
    "Idempotency-Key": ("A new UUID for each new request, and the same one for each retry.", True),
    "If-Match": ("The ETag that the decision to write was made on.", True),
}


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
        return None if body is None else {"application/json": _reference(body)}

    @override
    def _get_request_body(self, direction: str = "request") -> Any:
        described = super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # spectacular's own
        return described and {**described, "required": True}

    @override
    def map_parsers(self) -> list[str]:
        return ["application/json"]

    @override
    def map_renderers(self, attribute: str) -> list[str]:
        return ["application/json"]

    @override
    def get_response_serializers(self) -> Any:
        responses: dict[Any, Any] = {
            status: OpenApiResponse(None if kind is None else _reference(kind), description=_described(status))
            for status, kind in self._operation.returns.items()
        }
        responses["default", PROBLEM_JSON] = OpenApiResponse(
            _reference(ProblemDetails), description="Anything else, as problem details (RFC 9457)."
        )
        return responses

    @override
    def get_override_parameters(self) -> list[Any]:
        operation = self._operation
        parameters = [] if operation.query is None else list(_query_parameters(operation.query))
        if operation.can_validate_only:
            parameters.append(OpenApiParameter(VALIDATE_ONLY, bool, description="Check everything, and store nothing."))
        for name, wanted in (("Idempotency-Key", operation.is_idempotent), ("If-Match", operation.is_conditional)):
            if wanted:
                description, required = _HEADERS[name]
                parameters.append(
                    OpenApiParameter(name, str, OpenApiParameter.HEADER, required=required, description=description)
                )
        return parameters


def _query_parameters(kind: type[msgspec.Struct]) -> Iterable[OpenApiParameter]:
    for field in struct_fields(kind):
        (schema,), _ = msgspec.json.schema_components([field.type], ref_template=_REF)
        yield OpenApiParameter(
            field.encode_name,
            schema,
            OpenApiParameter.QUERY,
            required=field.default is NODEFAULT and field.default_factory is NODEFAULT,
            description=str(schema.get("description", "")),
            explode=True if schema.get("type") == "array" else None,
            style="form" if schema.get("type") == "array" else None,
        )


def _reference(kind: Any) -> dict[str, Any]:
    _seen[kind] = None
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return schema


def add_components(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Add the wire shapes that the operations refer to (a drf-spectacular post-processing hook)."""
    components: Any = msgspec.json.schema_components(list(_seen), ref_template=_REF)[1]
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(components)
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    return result


def _described(status: int) -> str:
    return {200: "Done.", 201: "Created.", 204: "Gone.", 207: "One result for each item."}.get(status, "")
