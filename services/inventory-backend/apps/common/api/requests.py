"""What views need of a request beyond its body."""

import hashlib
from collections.abc import Callable
from typing import Any, Protocol, cast
from uuid import UUID

import msgspec
from django.db import transaction
from django.utils import timezone
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.errors import request_id_of
from apps.common.api.renderers import encoded
from apps.common.errors import Invalid
from apps.common.retries import Answer, once
from audit import Origin
from rbac import Grants


class Caller(Protocol):
    """What `identity` makes of a signed-in user."""

    @property
    def pk(self) -> UUID:
        """Return the user's id."""

    @property
    def session_id(self) -> UUID | None:
        """Return the session that the token belongs to."""

    @property
    def key_id(self) -> UUID | None:
        """Return the API key that came instead of a token."""

    @property
    def grants(self) -> Grants:
        """Return everything granted to the user, as of this request."""


VALIDATE_ONLY = "validate_only"


def caller_of(request: Request) -> Caller:
    """Return who is asking; Django's own user types know nothing of grants.

    Raises `NotAuthenticated` for the anonymous.
    """
    if not request.user.is_authenticated:
        raise NotAuthenticated
    return cast("Caller", request.user)


def grants_of(request: Request) -> Grants:
    """Return everything that was granted to who is asking."""
    return caller_of(request).grants


def origin_of(request: Request) -> Origin:
    """Return who is asking, when, from where, and under which request id."""
    caller = caller_of(request)
    return Origin(
        actor_id=caller.pk,
        at=timezone.now(),
        request_id=request_id_of(request),
        ip=getattr(request, "client_ip", None),
        session_id=caller.session_id or caller.key_id,  # the trail names the key where there is no session
    )


def idempotent(request: Request, body: msgspec.Struct | None, act: Callable[[], Response]) -> Response:
    """Answer a POST once per Idempotency-Key: run `act`, or replay what it answered the first time.

    The operation says `is_idempotent`, so the endpoint has checked the key before its handler ran.
    """
    fingerprint = hashlib.sha256(b"" if body is None else encoded(body)).digest()
    answer = once(
        key=request.headers["Idempotency-Key"],
        scope=f"{caller_of(request).pk} {request.method} {request.path}",
        fingerprint=fingerprint,
        act=lambda: _answer_of(act()),
    )
    headers = answer.headers | ({"Idempotency-Replayed": "true"} if answer.is_replayed else {})
    return Response(answer.body, status=answer.status, headers=headers)


def _answer_of(response: Response) -> Answer:
    return Answer(status=response.status_code, body=encoded(response.data), headers=dict(response.headers))


def written(request: Request, act: Callable[[], Response]) -> Response:
    """Run a write that needs no key in one transaction; with `validate_only=true` check everything, store nothing."""
    with transaction.atomic():
        response = act()
        if is_validate_only(request):
            transaction.set_rollback(True)
            return Response({"valid": True}, status=200)
        return response


def is_validate_only(request: Request) -> bool:
    """Tell whether the caller only wants to know whether the request would be accepted.

    Raises `Invalid` for a value that is neither true nor false.
    """
    values: list[Any] = request.query_params.getlist(VALIDATE_ONLY)
    if not values:
        return False
    if values not in (["true"], ["false"]):
        raise Invalid.at(f"?{VALIDATE_ONLY}", "invalid", "Send true or false.")
    return values == ["true"]
