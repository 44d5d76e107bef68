"""What every view of the API is: a DRF view with a table of its operations, which says who may run each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, override

import msgspec
from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from msgspec import Meta, Struct
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.common.api.bodies import parse_query
from apps.common.api.deadline import Deadline
from apps.common.api.fields import IdempotencyKey
from apps.common.api.limits import PerPrincipal
from apps.common.api.pages import Listing
from apps.common.errors import Invalid
from rbac.django.permissions import DeclaredPermission, DeclaredPermissions


class NoQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """An operation without parameters."""


class ValidateQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a write takes that can be tried without storing anything."""

    validate_only: Annotated[bool, Meta(description="Check everything, and store nothing.")] = False


class Valid(Struct, frozen=True):
    """What `validate_only=true` answers where nothing stands in the way."""

    valid: bool


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of a view: who may run it, and how it reads in the OpenAPI document.

    `body`, `query` and the values of `returns` (by status) are wire shapes; `example` is a body that does something.
    `listing` says what `sort`, `expand` and `fields` may name. `is_conditional` means that If-Match is honoured;
    `needs_match`, that it is required. With `validate_only=true` the answer is a 200 with `validated`.
    """

    permission: type[DeclaredPermission]
    name: str
    summary: str
    body: Any = None
    example: Any = None
    query: type[Struct] | None = None
    listing: Listing[Any, Any] | None = None
    returns: Mapping[int, Any] = field(default_factory=dict)
    is_idempotent: bool = False
    is_conditional: bool = False
    needs_match: bool = True
    can_validate_only: bool = False
    validated: Any = Valid

    @property
    def parameters(self) -> type[Struct]:
        """Return the shape of the query parameters that are taken."""
        if self.query is not None:
            return self.query
        return ValidateQuery if self.can_validate_only else NoQuery


class Endpoint(DeclaredPermissions, APIView):
    """Deny by default: a method that is not in `operations` does not exist."""

    operations: ClassVar[Mapping[str, Operation]] = {}
    max_body_bytes: ClassVar[int] = settings.MAX_BODY_BYTES
    deadline_seconds: ClassVar[float] = 10
    metadata_class = None
    throttle_classes = (PerPrincipal,)

    @override
    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.permissions = {method: operation.permission for method, operation in cls.operations.items()}

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer within the time that an answer may take."""
        with connection.execute_wrapper(Deadline(self.deadline_seconds)):
            return super().dispatch(request, *args, **kwargs)

    @override
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what the operation does not declare: no write goes ahead in spite of `?validate_only=true`."""
        super().initial(request, *args, **kwargs)
        operation = self.operations.get(request.method or "")
        if operation is None:
            return
        if operation.query is None:
            parse_query(request, operation.parameters)
        if operation.is_idempotent:
            _require_key(request)


def _require_key(request: Request) -> None:
    """Refuse a request without a usable Idempotency-Key, one that is only validated as well."""
    key = request.headers.get("Idempotency-Key")
    if not key:
        raise Invalid.at(
            "Idempotency-Key",
            "idempotency_key_required",
            "Send a new UUID as Idempotency-Key, and the same one when you retry.",
        )
    try:
        msgspec.convert(key, IdempotencyKey)
    except msgspec.ValidationError as error:
        text = "Send 1 to 200 printable ASCII characters, best a UUID."
        raise Invalid.at("Idempotency-Key", "invalid", text) from error
