"""Who was refused, and why: a line of the log, and a number in the audit trail (ASVS V16.3.1 and 2)."""

from http import HTTPStatus
from typing import Any, Final

import structlog
from django.db import Error as DatabaseError
from django.utils import timezone
from psycopg_pool import PoolTimeout
from rest_framework.request import Request
from rest_framework.response import Response

from audit import AUTHENTICATION_FAILED, AUTHORIZATION_FAILED, Origin, Refusal
from audit.django.refusals import count_refusal

log = structlog.get_logger(__name__)

_ACTIONS: Final = {
    HTTPStatus.UNAUTHORIZED: AUTHENTICATION_FAILED,
    HTTPStatus.FORBIDDEN: AUTHORIZATION_FAILED,
}
_REFUSED: Final = {*_ACTIONS, HTTPStatus.TOO_MANY_REQUESTS}
_TOO_MANY_TRIES: Final = "too_many_tries"
# Steps of a sign-in that goes well: more is asked for.
_STEPS: Final = frozenset({"second_factor_required", "proof_too_old"})
_LONGEST_REASON: Final = 200


def tell_if_refused(request: Request, response: Response, exc: Exception) -> None:
    """Log and count the answer to a request where it is that somebody may not, or is not who they say."""
    code = response.data.code
    if response.status_code not in _REFUSED:
        return
    action = AUTHENTICATION_FAILED if code == _TOO_MANY_TRIES else _ACTIONS.get(HTTPStatus(response.status_code))
    user = request.user
    log.warning(
        "request.refused",
        status=response.status_code,
        code=code,
        reason=response.data.detail,
        method=request.method,
        path=request.path,
        actor=getattr(user, "pk", None),
        ip=getattr(request, "client_ip", None),
    )
    if action is None or code in _STEPS:
        return
    refusal = Refusal(
        action=action,
        operation=_operation_of(request),
        status=response.status_code,
        code=code,
        reason=_reason_of(exc, response),
        account_id=getattr(exc, "account_id", None),
    )
    origin = Origin(
        actor_id=getattr(user, "pk", None),
        at=timezone.now(),
        request_id=str(getattr(request, "request_id", "")),
        ip=getattr(request, "client_ip", None),
        session_id=getattr(user, "session_id", None) or getattr(user, "key_id", None),
    )
    try:
        count_refusal(refusal, origin=origin)
    except (DatabaseError, PoolTimeout) as error:
        # The answer is right without it, and the log has it.
        log.warning("request.refusal_not_counted", reason=type(error).__name__)


def _operation_of(request: Request) -> str:
    """Return the name of what was asked for; for a method that the view has not, the method."""
    view: Any = request.parser_context.get("view")
    operation = getattr(view, "operations", {}).get(request.method)
    return str(request.method) if operation is None else str(operation.name)


def _reason_of(exc: Exception, response: Response) -> str:
    """Return what the exception knows, which may be more than is answered, or else what is answered."""
    told = response.data.code if response.status_code == HTTPStatus.TOO_MANY_REQUESTS else response.data.detail
    return (getattr(exc, "reason", "") or str(told))[:_LONGEST_REASON]
