"""Every address of the service, filled in, with what stands behind it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import resolve

from apps.common.api.endpoint import Endpoint, Operation
from rbac.django.routes import routes

NOWHERE = UUID("00000000-0000-7000-8000-000000000000")
_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
_FILLED = {"uuid": str(NOWHERE), "str": str(NOWHERE), "slug": "not-found", "path": "ea", "int": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One route: `pattern` as it is written, `path` as it can be asked; `endpoint` is None for a plain view."""

    pattern: str
    path: str
    endpoint: type[Endpoint] | None

    @property
    def methods(self) -> set[str]:
        """Return the methods that it documents; HEAD comes with GET."""
        named = {"GET"} if self.endpoint is None else set(self.endpoint.operations)
        return named | ({"HEAD"} if "GET" in named else set())


def addresses() -> list[Address]:
    """Return every route of the resolver."""
    return [_address(route.path) for route in routes()]


def operations() -> Iterator[tuple[str, str, Operation]]:
    """Yield path, method and declaration of every operation of the API."""
    for address in addresses():
        for method, operation in (address.endpoint.operations if address.endpoint else {}).items():
            yield address.path, method, operation


def _address(pattern: str) -> Address:
    path = _PARAMETER.sub(lambda found: _FILLED[found[1] or "str"], pattern)
    view: Any = resolve(path).func
    endpoint = vars(view).get("view_class") or getattr(view, "cls", None)
    is_ours = isinstance(endpoint, type) and issubclass(endpoint, Endpoint)
    return Address(pattern=pattern, path=path, endpoint=endpoint if is_ours else None)
