"""Why somebody may or may not: HTTP in, one query, HTTP out."""

from typing import ClassVar

from django.utils import timezone
from msgspec import UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_query
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.requests import grants_of
from apps.common.errors import Forbidden, Invalid
from apps.identity import permissions, queries
from apps.identity.api.v1.shapes.explain import ExplainQuery, ExplanationShape, explanation_shape
from rbac import UnknownPermission, registry
from rbac.django.permissions import requires


class Explain(Endpoint):
    """GET /identity/explain."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW_ROLES),
            name="explain",
            summary="Why somebody may or may not",
            query=ExplainQuery,
            returns={200: ExplanationShape},
        )
    }

    def get(self, request: Request) -> Response:
        """Say which binding allows something at a location, by which group and at which place; or what is missing."""
        query = parse_query(request, ExplainQuery)
        try:
            registry.get(query.permission)
        except UnknownPermission as error:
            raise Invalid.at("?permission", "unknown_permission", str(error)) from error
        grants, at = grants_of(request), timezone.now()
        scope = grants.scope(permissions.VIEW_ROLES)
        location = None
        if not isinstance(query.location, UnsetType):
            location = queries.LOCATIONS.one(queries.places(scope), query.location, pointer="?location")
        elif not scope.everywhere:
            raise Forbidden("You see roles at some locations only: name one of them as location.")
        users = queries.users(grants, permissions.VIEW_ROLES, at=at)
        user = queries.USERS.one(users, query.user, pointer="?user")
        explanation = queries.explanation(user, permission=query.permission, location=location, scope=scope, at=at)
        return Response(explanation_shape(explanation))
