"""Views that declare their permissions in each way there is."""

from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from rbac.django.permissions import DeclaredPermissions, declare, public, requires, signed_in


class Stock(DeclaredPermissions):
    permissions: ClassVar[dict[str, type[BasePermission]]] = {
        "GET": requires("stock.read"),
        "POST": requires("stock.post"),
    }

    def get(self, _request: Request) -> Response:
        return Response("stock")

    def post(self, _request: Request) -> Response:
        return Response("posted", status=201)


class Token(DeclaredPermissions):
    permissions: ClassVar[dict[str, type[BasePermission]]] = {"POST": public("Signing in.")}

    def post(self, _request: Request) -> Response:
        return Response("token")


class Me(APIView):
    permission_classes = (signed_in(),)

    def get(self, _request: Request) -> Response:
        return Response("me")


class Report(APIView):
    permission_classes = (requires("stock.read"),)

    def get(self, _request: Request) -> Response:
        return Response("report")


@declare(public("Probes carry no credentials."))
def livez(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


@declare(requires("stock.read"))
def export(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("export")
