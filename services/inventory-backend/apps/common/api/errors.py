"""The only place where errors become HTTP (RFC 9457, api.md 13)."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
import psycopg
import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from psycopg import errors as pg
from rest_framework import exceptions as drf
from rest_framework.response import Response

from apps.common.api.renderers import encoded
from apps.common.errors import (
    Busy,
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    KeyReused,
    NotFound,
    Problem,
    StaleVersion,
    Throttled,
    Unauthenticated,
    VersionRequired,
)

log = structlog.get_logger(__name__)

PROBLEM_JSON: Final = "application/problem+json"
_STATUS: Final[tuple[tuple[type[DomainError], int], ...]] = (
    (Invalid, 400),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (StaleVersion, 412),
    (KeyReused, 422),
    (VersionRequired, 428),
    (Throttled, 429),
    (Busy, 503),
)
_REFUSED: Final = {401, 403, 429}
_CODES: Final = {
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "body_too_large",
    415: "unsupported_media_type",
    429: "throttled",
}


class ProblemItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One problem of many, and where it is."""

    pointer: str
    code: str
    detail: str
    meta: dict[str, str] = {}


class ProblemDetails(msgspec.Struct, frozen=True):
    """The body of every answer that is not a success."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[ProblemItem] = []


def problem(request: HttpRequest, status: int, *, code: str, title: str = "", detail: str = "") -> HttpResponse:
    """Return a problem answer from outside DRF: an unknown address, a bad host, a crash."""
    body = _details(request_id_of(request), status, code=code, title=title, detail=detail)
    return HttpResponse(encoded(body), status=status, content_type=PROBLEM_JSON)


def problem_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception in a view into problem details; None lets a real bug become a 500 with its trace logged."""
    response = _answer(exc, context)
    if response is not None and response.status_code in _REFUSED:
        # Who may not, and why: the trail tells of changes alone (ASVS V16.3.1 and 2).
        request = context["request"]
        log.warning(
            "request.refused",
            status=response.status_code,
            code=response.data.code,
            reason=response.data.detail,
            method=request.method,
            path=request.path,
            actor=getattr(request.user, "pk", None),
            ip=getattr(request, "client_ip", None),
        )
    return response


def _answer(exc: Exception, context: dict[str, Any]) -> Response | None:
    error = _as_domain_error(exc)
    request_id = request_id_of(context["request"])
    if error is not None:
        status = next(code for kind, code in _STATUS if isinstance(error, kind))
        body = _details(
            request_id, status, code=error.code, title=error.title, detail=error.detail, problems=error.problems
        )
        retry_after = getattr(error, "retry_after_seconds", None)
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"  # RFC 9110, 15.5.2
        return _response(body, headers)
    if isinstance(exc, drf.APIException):
        return _from_drf(exc, request_id)
    return None


def request_id_of(request: Any) -> str:
    """Return the id that the middleware gave this request."""
    return str(getattr(request, "request_id", ""))


def _as_domain_error(exc: Exception) -> DomainError | None:
    if isinstance(exc, DomainError):
        return exc
    if isinstance(exc, Http404):
        return NotFound()
    if isinstance(exc, PermissionDenied):
        return Forbidden("You may not do this.")
    if isinstance(exc, DatabaseError | psycopg.Error):
        return _as_busy(exc)
    return None


def _as_busy(exc: Exception) -> Busy | None:
    cause = exc if isinstance(exc, psycopg.Error) else exc.__cause__
    transient = pg.LockNotAvailable | pg.DeadlockDetected | pg.SerializationFailure | pg.QueryCanceled
    if isinstance(cause, transient):
        log.warning("database.busy", reason=type(cause).__name__)
        return Busy("The data was locked for too long. Nothing was changed; send the same request again.")
    return None


def _from_drf(exc: drf.APIException, request_id: str) -> Response:
    status = exc.status_code
    detail = str(exc.detail)
    code = "malformed_request" if isinstance(exc, drf.ParseError) else _CODES.get(status, str(exc.default_code))
    # What clients must tell from the usual answer of its status.
    code = getattr(exc, "problem_code", code)
    headers = {}
    if (auth := getattr(exc, "auth_header", None)) is not None:
        headers["WWW-Authenticate"] = auth
    if (wait := getattr(exc, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    return _response(_details(request_id, status, code=code, detail=detail), headers)


def _details(
    request_id: str, status: int, *, code: str, title: str = "", detail: str = "", problems: tuple[Problem, ...] = ()
) -> ProblemDetails:
    return ProblemDetails(
        type=f"{settings.PROBLEM_BASE}{code.replace('_', '-')}",
        title=title or HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail or HTTPStatus(status).description or HTTPStatus(status).phrase,
        request_id=request_id,
        errors=[
            ProblemItem(pointer=item.pointer, code=item.code, detail=item.detail, meta=dict(item.meta))
            for item in problems
        ],
    )


def _response(body: ProblemDetails, headers: dict[str, str]) -> Response:
    return Response(body, status=body.status, headers=headers, content_type=PROBLEM_JSON)
