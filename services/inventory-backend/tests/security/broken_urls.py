"""Addresses that fail in ways that no address of ours should."""

from typing import ClassVar, NoReturn

from django.db import connection, transaction
from django.http import HttpRequest
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.endpoint import Endpoint, Operation
from apps.parties.models import Party
from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as ours
from rbac.django.permissions import public

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

SECRET = "swordfish-in-a-traceback"


def broken(request: HttpRequest) -> NoReturn:
    """Fail with a secret at hand."""
    raise RuntimeError(f"{SECRET} {request.path}")


class BrokenQuery(Endpoint):
    """Fail in the database, within a view of the API."""

    operations = {"GET": Operation(permission=public("a test"), name="broken", summary="Broken")}  # noqa: RUF012  (as views do)
    authentication_classes = ()

    def get(self, request: Request) -> Response:
        """Ask for what isn't there."""
        del request
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT '{SECRET}' FROM no_such_table")
        return Response()


class SlowQuery(BrokenQuery):
    """Ask the database for more than its time."""

    def get(self, request: Request) -> Response:
        """Wait for longer than a statement may take."""
        del request
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        return Response()


class ManyQueries(BrokenQuery):
    """Ask the database so often that the answer takes longer than it may."""

    deadline_seconds = 0.1
    asked: ClassVar[list[int]] = []

    def get(self, request: Request) -> Response:
        """Write, and look whether the time is over."""
        del request
        with transaction.atomic(), connection.cursor() as cursor:
            for number in range(3):
                Party.objects.create(code=str(number), name="Party")
                cursor.execute("SELECT pg_sleep(0.2)")
                self.asked.append(number)
        return Response()


urlpatterns = [
    *ours,
    path("broken", broken),
    path("api/v1/broken-query", BrokenQuery.as_view()),
    path("api/v1/slow-query", SlowQuery.as_view()),
    path("api/v1/many-queries", ManyQueries.as_view()),
]
