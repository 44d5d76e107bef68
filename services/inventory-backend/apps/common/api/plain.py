"""Views that are no part of the API: probes and pages."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.http import HttpRequest, HttpResponse

from apps.common.api.errors import problem


def reads_only[**P](
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Answer GET and HEAD with the view, and any other method with 405 and `Allow` (RFC 9110, 15.5.6)."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return view(request, *args, **kwargs)
        answer = problem(request, 405, code="method_not_allowed")
        answer["Allow"] = "GET, HEAD"
        return answer

    return guarded
