"""Every address of the service. Unknown ones answer problem details, like everything else."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from apps.common.api import probes
from apps.common.api.documents import OpenAPI, docs, problem_page
from apps.common.api.errors import problem

api = [
    path("identity/", include("apps.identity.api.v1.urls")),
    path("audit/", include("apps.trail.api.v1.urls")),
    path("parties/", include("apps.parties.api.v1.urls")),
    path("catalog/", include("apps.catalog.api.v1.urls")),
    path("locations/", include("apps.locations.api.v1.urls")),
    path("ledger/", include("apps.ledger.api.v1.urls")),
]

urlpatterns = [
    path("api/v1/", include("apps.identity.api.v1.me")),
    path("api/v1/", include(api)),
    path("api/v1/openapi.json", OpenAPI.as_view(), name="openapi"),
    path("scim/v2/", include("apps.identity.api.scim.urls")),
    path("docs", docs, name="docs"),
    path("docs/problems/<slug:code>", problem_page, name="problem"),
    path("livez", probes.livez, name="livez"),
    path("readyz", probes.readyz, name="readyz"),
    path("metrics", probes.metrics, name="metrics"),
]


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  (Django's signature)
    """Answer what Django refused before a view saw it, such as a host that is not ours."""
    return problem(request, 400, code="bad_request", detail="The request was not understood.")


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  (Django's signature)
    """Answer a plain view's refusal."""
    return problem(request, 403, code="permission_denied")


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  (Django's signature)
    """Answer an address that does not exist."""
    return problem(request, 404, code="not_found", detail="There is nothing at this address.")


def handler500(request: HttpRequest) -> HttpResponse:
    """Answer a bug: the trace is in the log, under the request id."""
    return problem(request, 500, code="internal_error", detail="This is our fault. The request id finds it in our log.")
