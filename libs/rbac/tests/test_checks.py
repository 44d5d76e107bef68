"""The check at start-up: a route that declares nothing, or an unknown code, is named."""

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from rbac_toy import views
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from rbac.django.checks import check_routes
from rbac.django.permissions import DeclaredPermissions, Public, declare, requires
from rbac.django.routes import ANY_METHOD, routes


class Silent(APIView):
    pass


class BarelyAuthenticated(APIView):
    permission_classes = (IsAuthenticated, AllowAny)


class Either(APIView):
    permission_classes = (requires("stock.read") | AllowAny,)


class Stockless(DeclaredPermissions):
    def get(self) -> Response:
        return Response()


class OwnHead(views.Stock):
    def head(self) -> Response:
        return Response()


class Computed(APIView):
    permission_classes = (requires("stock.read"),)

    def get_permissions(self) -> list[Any]:
        return []


class SilentSet(ViewSet):
    def list(self) -> Response:
        return Response()


class HalfDeclared(DeclaredPermissions):
    permissions: ClassVar[dict[str, type[BasePermission]]] = {
        "GET": requires("stock.read"),
        "DELETE": AllowAny,
    }

    def get(self) -> Response:
        return Response()

    def post(self) -> Response:
        return Response()

    def delete(self) -> Response:
        return Response()


class Typo(APIView):
    permission_classes = (requires("stock.raed"),)


class Plain(View):
    pass


def plain(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def problems_of(view: Callable[..., Any]) -> list[tuple[str | None, str, str | None]]:
    with override_settings(ROOT_URLCONF=(path("api/", include([path("<int:id>", view)])),)):
        return [(problem.id, problem.msg, problem.hint) for problem in check_routes()]


def test_the_toy_project_is_clean() -> None:
    assert check_routes() == []


DECLARED = {
    "each method": views.Stock.as_view(),
    "the view": views.Me.as_view(),
    "the route": Silent.as_view(permission_classes=(requires("stock.read"),)),
    "the route's methods": Stockless.as_view(permissions={"GET": requires("stock.read")}),
    "each method, with a HEAD of its own": OwnHead.as_view(),
    "a function": views.livez,
    "a decorated function": csrf_exempt(views.livez),
    "a plain class": declare(requires("stock.read"))(Plain.as_view()),
}

UNDECLARED = {
    "nothing": (Silent.as_view(), "Silent"),
    "foreign classes": (BarelyAuthenticated.as_view(), "BarelyAuthenticated"),
    "an operator": (Either.as_view(), "Either"),
    "its own get_permissions": (Computed.as_view(), "Computed"),
    "a view set": (SilentSet.as_view({"get": "list"}), "SilentSet"),
    "nothing for the route": (views.Me.as_view(permission_classes=()), "Me"),
    "a function": (plain, "plain"),
    "a decorated function": (csrf_exempt(plain), "plain"),
    "a plain class": (Plain.as_view(), "Plain"),
}


@pytest.mark.parametrize("view", DECLARED.values(), ids=DECLARED)
def test_a_declared_route_is_clean(view: Callable[..., Any]) -> None:
    assert problems_of(view) == []


@pytest.mark.parametrize(("view", "name"), UNDECLARED.values(), ids=UNDECLARED)
def test_an_undeclared_route_is_named(view: Callable[..., Any], name: str) -> None:
    [(problem, message, hint)] = problems_of(view)

    assert problem == "rbac.E001"
    assert message == f"No permission is declared for any method of /api/<int:id> ({view.__module__}.{name})."
    assert hint is not None
    assert "requires(code), signed_in() or public(reason)" in hint


def test_each_undeclared_method_is_named() -> None:
    messages = [message for _id, message, _hint in problems_of(HalfDeclared.as_view())]

    assert messages == [
        f"No permission is declared for {method} /api/<int:id> ({__name__}.HalfDeclared)."
        for method in ("POST", "DELETE")
    ]


def test_the_program_does_not_start_with_an_undeclared_route() -> None:
    with (
        override_settings(ROOT_URLCONF=(path("plain", plain),)),
        pytest.raises(SystemCheckError, match=r"\(rbac\.E001\) No permission is declared"),
    ):
        call_command("check")


def test_an_unknown_permission_is_named_with_the_nearest() -> None:
    [problem] = problems_of(Typo.as_view())

    assert problem == (
        "rbac.E002",
        f"An unknown permission guards any method of /api/<int:id> ({__name__}.Typo).",
        "No permission 'stock.raed'; did you mean 'stock.read'?",
    )


def test_routes_tell_what_is_public_and_why() -> None:
    found = {
        (method, route.path): permission.reason
        for route in routes()
        for method, declared in route.permissions.items()
        for permission in declared
        if issubclass(permission, Public)
    }

    assert found == {
        ("POST", "/api/token"): "Signing in.",
        (ANY_METHOD, "/livez"): "Probes carry no credentials.",
    }
