"""Every route of the program, and the permissions it declares."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from rbac.django.permissions import DeclaredPermission, DeclaredPermissions

type Declared = tuple[type[DeclaredPermission], ...]

ANY_METHOD = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One pattern of the URL configuration.

    `permissions` is keyed by method, or by `ANY_METHOD`; all of an entry's permissions must admit
    the user, and an empty entry means that nothing is declared.
    """

    path: str
    view: str
    permissions: Mapping[str, Declared]


def routes() -> list[Route]:
    """Return every route of the root URL configuration, in the order in which it is searched."""
    return [
        Route(path=path, view=_name_of(view), permissions=_declared_by(view))
        for path, view in _walk("/", get_resolver().url_patterns)
    ]


def _walk(prefix: str, patterns: Iterable[URLPattern | URLResolver]) -> Iterator[tuple[str, Callable[..., Any]]]:
    for pattern in patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _walk(path, pattern.url_patterns)
        else:
            yield path, pattern.callback


def _declared_by(view: Callable[..., Any]) -> dict[str, Declared]:
    api_view: type[APIView] | None = getattr(view, "cls", None)
    if api_view is None:
        return {ANY_METHOD: _only_declared([getattr(view, "declared_permission", None)])}
    given: dict[str, Any] = getattr(view, "initkwargs", {})
    if api_view.get_permissions is DeclaredPermissions.get_permissions:
        by_method = given.get("permissions", getattr(api_view, "permissions", {}))
        return {method: _only_declared([by_method.get(method)]) for method in _handled_methods(api_view)}
    if api_view.get_permissions is APIView.get_permissions:
        return {ANY_METHOD: _only_declared(given.get("permission_classes", api_view.permission_classes))}
    # Its own get_permissions may answer anything, so nothing can be said for it.
    return {ANY_METHOD: ()}


def _handled_methods(view: type[APIView]) -> list[str]:
    return [name.upper() for name in view.http_method_names if name != "head" and hasattr(view, name)]


def _only_declared(candidates: Iterable[Any]) -> Declared:
    return tuple(
        candidate
        for candidate in candidates
        if isinstance(candidate, type) and issubclass(candidate, DeclaredPermission)
    )


def _name_of(view: Callable[..., Any]) -> str:
    named = getattr(view, "cls", None) or getattr(view, "view_class", None) or view
    return f"{named.__module__}.{getattr(named, '__qualname__', type(named).__qualname__)}"
