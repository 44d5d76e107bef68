"""The check at start-up that no route is open by oversight (API5 of the OWASP API Top 10, ASVS V8.2.1)."""

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error

from rbac import UnknownPermission, registry
from rbac.django.permissions import Requires
from rbac.django.routes import ANY_METHOD, Declared, Route, routes


def check_routes(**_options: object) -> list[CheckMessage]:
    """Return rbac.E001 for each undeclared route and rbac.E002 for each unregistered permission."""
    return [
        problem
        for route in routes()
        for method, declared in route.permissions.items()
        for problem in _problems(route, method, declared)
    ]


def _problems(route: Route, method: str, declared: Declared) -> Iterator[CheckMessage]:
    where = f"{'any method of' if method == ANY_METHOD else method} {route.path} ({route.view})"
    if not declared:
        yield Error(
            f"No permission is declared for {where}.",
            hint="Set permission_classes, or permissions[method] of a DeclaredPermissions view, to "
            "requires(code), signed_in() or public(reason); decorate a plain view with declare(...).",
            id="rbac.E001",
        )
    for permission in declared:
        if issubclass(permission, Requires):
            try:
                registry.get(permission.permission)
            except UnknownPermission as unknown:
                yield Error(f"An unknown permission guards {where}.", hint=str(unknown), id="rbac.E002")
