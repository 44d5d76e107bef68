"""What every request meets first: its id (api.md 14), its caller's address, and the policy of what it is answered."""

import ipaddress
import re
import time
from collections.abc import Callable
from typing import Final, override

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csp import ContentSecurityPolicyMiddleware
from uuid_utils.compat import uuid7

from apps.common.api.errors import problem

log = structlog.get_logger(__name__)

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
# What these say is the tenant's, and no cache keeps it unless an answer says otherwise.
_OF_THE_TENANT: Final = ("/api/", "/scim/")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


# What is data may load nothing, run nothing and be framed by nobody, whatever a browser takes it for.
_POLICY_OF_DATA: Final = {"default-src": ["'none'"], "frame-ancestors": ["'none'"]}


class ContentPolicy(ContentSecurityPolicyMiddleware):
    """Django's policy for pages, and a stricter one for everything else."""

    @override
    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if not response.get("Content-Type", "").startswith("text/html"):
            vars(response).setdefault("_csp_config", _POLICY_OF_DATA)  # as Django's own csp_override does
        return super().process_response(request, response)


class RequestContext:
    """Name the request, note the caller's address, and log one line when it is done."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        started = time.perf_counter()
        request_id = _id_of(request)
        request.request_id = request_id  # type: ignore[attr-defined]  # read by request_id_of and origin_of
        request.client_ip = _client_ip(request)  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self.get_response(request) if _is_framed(request) else _refused(request)
        finally:
            structlog.contextvars.clear_contextvars()
        response["X-Request-Id"] = request_id
        if request.path.startswith(_OF_THE_TENANT):
            response.setdefault("Cache-Control", "no-store")
        log.info(
            "request",
            request_id=request_id,
            method=request.method,
            path=request.path,
            status=response.status_code,
            ms=round((time.perf_counter() - started) * 1000, 1),
        )
        return response


def _is_framed(request: HttpRequest) -> bool:
    """Tell whether the body's end is beyond doubt: chunked once, or a length (RFC 9112, 6.1 and 6.3)."""
    coding = request.META.get("HTTP_TRANSFER_ENCODING")
    return coding is None or coding.strip().lower() == "chunked"


def _refused(request: HttpRequest) -> HttpResponse:
    """Answer 400 and end the connection: whatever follows on it may be part of the body."""
    response = problem(request, 400, code="bad_request", detail="Send Transfer-Encoding: chunked once, or a length.")
    response["Connection"] = "close"
    return response


def _id_of(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-Id", "")
    if _REQUEST_ID.fullmatch(given):
        return given
    if trace := _TRACEPARENT.fullmatch(request.headers.get("traceparent", "")):
        return trace[1]
    return str(uuid7())


def _client_ip(request: HttpRequest) -> str | None:
    """Return the address that the outermost trusted proxy saw; without trusted proxies, the peer's."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    seen = hops[-trusted] if trusted and len(hops) >= trusted else ""
    return _address(seen) or _address(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> str | None:
    """Return an address in its one spelling; None for what is none, which no column of addresses would take."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # As a socket for both families writes it; all of IPv4 would be one network of IPv6 (RFC 4291, 2.5.5.2).
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
