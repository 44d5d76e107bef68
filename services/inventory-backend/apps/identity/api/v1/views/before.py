"""What the views share that somebody meets before they are signed in."""

import re
from typing import Any, ClassVar, Final, override

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.endpoint import Endpoint
from apps.common.api.errors import request_id_of
from apps.identity.types import Budget
from audit import Origin

# The first that fits: each browser also says that it is those after it.
_BROWSERS: Final = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
_SYSTEMS: Final = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iOS",
    "iPad": "iOS",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}
_PRODUCT: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}")


class BeforeSignIn(Endpoint):
    """A view that takes no notice of an access token or a cookie, and says how many tries are left.

    The headers are those of draft-ietf-httpapi-ratelimit-headers.
    """

    authentication_classes = ()
    full_budget: ClassVar[Budget | None] = None
    _budget: Budget | None = None

    @override
    def handle_exception(self, exc: Exception) -> Response:
        self._budget = getattr(exc, "budget", None)
        return super().handle_exception(exc)

    @override
    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        budget = self._budget or self.full_budget
        if budget is not None:
            answer["RateLimit-Policy"] = f'"sign-in";q={budget.limit};w={budget.window_seconds}'
            answer["RateLimit"] = f'"sign-in";r={budget.remaining};t={budget.reset_seconds}'
        return answer


def nobody_at(request: Request) -> Origin:
    """Return the origin of a request that nobody has signed in for."""
    return Origin(
        actor_id=None,
        at=timezone.now(),
        request_id=request_id_of(request),
        ip=getattr(request, "client_ip", None),
    )


def agent_of(request: Request) -> str:
    """Return what to call the caller's device in a list of sessions, such as `Firefox, Linux`."""
    said = request.headers.get("User-Agent", "")
    browser = next((name for mark, name in _BROWSERS.items() if f"{mark}/" in said), "")
    system = next((name for mark, name in _SYSTEMS.items() if mark in said), "")
    if browser or system:
        return ", ".join(filter(None, (browser, system)))
    product = _PRODUCT.match(said)
    return product[0] if product else ""
