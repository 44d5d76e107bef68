"""What a request meets: deny by default, for each way of declaring a permission."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone
from rbac_toy import views
from rbac_toy.models import User
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from rbac import Grant, Grants
from rbac.django.permissions import RECENT, DeclaredPermission, declare, requires, signed_in

READER = Grants((Grant(frozenset({"stock.read"}), UUID(int=1)),))
NOBODY = Grants()


class Undeclared(views.Stock):
    def delete(self, _request: Request) -> Response:
        return Response("no permission is declared for this method")


def signed_in_user(grants: Grants) -> User:
    user = User(email="clerk@example.com")
    vars(user)["grants"] = grants  # where cached_property keeps it: no database here
    return user


def status(view: type[APIView], method: str, grants: Grants | None) -> int:
    request = APIRequestFactory().generic(method, "/")
    if grants is not None:
        force_authenticate(request, signed_in_user(grants))
    return view.as_view()(request).status_code


@pytest.mark.parametrize(
    ("view", "method", "grants", "expected"),
    [
        (views.Stock, "GET", READER, 200),
        (views.Stock, "HEAD", READER, 200),
        (views.Stock, "POST", READER, 403),
        (views.Stock, "GET", NOBODY, 403),
        (views.Stock, "GET", None, 403),
        (Undeclared, "DELETE", READER, 403),
        (views.Stock, "PUT", NOBODY, 405),
        (views.Stock, "OPTIONS", NOBODY, 405),
        (views.Stock, "TRACE", READER, 405),
        (views.Stock, "PUT", None, 403),
        (views.Token, "POST", None, 200),
        (views.Token, "GET", None, 405),
        (views.Report, "GET", READER, 200),
        (views.Report, "GET", NOBODY, 403),
        (views.Report, "GET", None, 403),
        (views.Me, "GET", NOBODY, 200),
        (views.Me, "GET", None, 403),
    ],
)
def test_admits_or_denies(view: type[APIView], method: str, grants: Grants | None, expected: int) -> None:
    assert status(view, method, grants) == expected


def test_a_refusal_names_the_permission_and_keeps_the_error_code_of_rest_framework() -> None:
    request = APIRequestFactory().get("/")
    force_authenticate(request, signed_in_user(NOBODY))

    response = views.Report.as_view()(request)

    assert response.data["detail"] == "This needs the permission stock.read."
    assert response.data["detail"].code == "permission_denied"


def test_the_class_tells_its_permission() -> None:
    assert requires("stock.read").permission == "stock.read"


def test_a_permission_that_decides_nothing_admits_nobody() -> None:
    assert not DeclaredPermission.admits(signed_in_user(READER))


def test_a_plain_view_obeys_what_it_declares() -> None:
    request = HttpRequest()
    vars(request)["user"] = signed_in_user(READER)

    assert views.export(request).content == b"export"
    assert views.livez(HttpRequest()).content == b"ok"


@pytest.mark.parametrize(
    "who",
    [SimpleNamespace(), SimpleNamespace(user=AnonymousUser()), SimpleNamespace(user=signed_in_user(NOBODY))],
)
def test_a_plain_view_refuses_whoever_it_is_not_open_to(who: SimpleNamespace) -> None:
    request = HttpRequest()
    vars(request).update(vars(who))

    with pytest.raises(PermissionDenied):
        views.export(request)


@pytest.mark.parametrize(
    ("grants", "seconds", "expected"),
    [(READER, 0, 200), (READER, 290, 200), (READER, 301, 401), (NOBODY, 0, 403), (NOBODY, 301, 403)],
)
def test_a_route_may_ask_for_a_recent_proof(grants: Grants, seconds: int, expected: int) -> None:
    class Sensitive(views.Report):
        permission_classes = (requires("stock.read", step_up=True),)

    request = APIRequestFactory().get("/")
    user = signed_in_user(grants)
    vars(user)["authenticated_at"] = timezone.now() - timedelta(seconds=seconds)
    force_authenticate(request, user)

    assert Sensitive.as_view()(request).status_code == expected
    assert timedelta(minutes=5) == RECENT


def test_only_what_asks_for_it_needs_a_recent_proof() -> None:
    of_late = (signed_in(step_up=True), requires("stock.read", step_up=True))

    assert [permission.step_up for permission in (*of_late, signed_in(), requires("stock.read"))] == [
        True,
        True,
        False,
        False,
    ]


def test_a_plain_view_cannot_ask_for_a_recent_proof() -> None:
    with pytest.raises(ValueError, match="recent proof"):
        declare(requires("stock.read", step_up=True))
