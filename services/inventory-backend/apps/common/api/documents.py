"""The OpenAPI document, the page to try it on, and a page for each problem code (api.md 13 and 18)."""

from functools import cache
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.plain import reads_only
from apps.common.api.renderers import encoded
from apps.common.errors import DomainError, Invalid
from rbac.django.permissions import declare, public

_OPEN = public("documentation holds no data of the tenant")


@cache
def openapi() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the whole API; it cannot change while the process runs."""
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # spectacular is typed in part
    return document


class OpenAPI(Endpoint):
    """GET /api/v1/openapi.json."""

    schema = None  # the document does not describe itself
    operations: ClassVar = {"GET": Operation(permission=_OPEN, name="openapi", summary="The OpenAPI document")}

    def get(self, request: Request) -> Response:
        """Return the document that clients are generated from."""
        del request
        return Response(encoded(openapi()))


@declare(_OPEN)
@reads_only
def docs(request: HttpRequest) -> HttpResponse:
    """Show the API to try out, under the same content security policy as everything else."""
    return render(request, "common/docs.html")


@declare(_OPEN)
@reads_only
def problem_page(request: HttpRequest, code: str) -> HttpResponse:
    """Explain one problem code: the address that an answer's `type` leads to."""
    name = code.replace("-", "_")
    # A field's own code has no class: its detail says it all, and the page says where to look.
    kind = _problems().get(name, Invalid)
    title = kind.title if kind.code == name else name.replace("_", " ").capitalize()
    return render(request, "common/problem.html", {"code": name, "title": title, "text": kind.__doc__})


@cache
def _problems() -> dict[str, type[DomainError]]:
    found: dict[str, type[DomainError]] = {}
    families = [DomainError]
    while families:
        family = families.pop()
        found[family.code] = family
        families += family.__subclasses__()
    return found
