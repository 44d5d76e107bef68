"""Who is asking: HTTP in, one query, HTTP out."""

from datetime import datetime
from typing import ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body
from apps.common.api.conditional import etag, require_match
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.requests import origin_of, written
from apps.identity import actions, queries
from apps.identity.api.v1.shapes.me import MePatch, MeShape, me_shape
from apps.identity.api.v1.shapes.users import user_columns
from apps.identity.api.v1.views.asking import principal_of, session_of
from apps.identity.models import User
from apps.identity.types import Authority, Principal
from rbac.django.permissions import signed_in


class Me(Endpoint):
    """GET and PATCH /me."""

    operations: ClassVar = {
        "GET": Operation(
            permission=signed_in(), name="me", summary="Who I am and what I may do", returns={200: MeShape}
        ),
        "PATCH": Operation(
            permission=signed_in(),
            name="change_me",
            summary="Change my profile",
            body=MePatch,
            returns={200: MeShape},
            is_conditional=True,
            can_validate_only=True,
        ),
    }

    def get(self, request: Request) -> Response:
        """Return the signed-in user with roles, permissions and where they hold."""
        principal = principal_of(request)
        return _answer(User.objects.get(pk=principal.pk), principal, timezone.now())

    def patch(self, request: Request) -> Response:
        """Change one's own name, language or time zone; whoever manages users changes the rest."""
        body, principal = parse_body(request, MePatch), principal_of(request)
        session_of(request)
        user, origin = User.objects.get(pk=principal.pk), origin_of(request)
        require_match(request, user.version)
        by = Authority.of(principal)
        return written(
            request,
            lambda: _answer(actions.change_user(user, user_columns(body), by=by, origin=origin), principal, origin.at),
        )


def _answer(user: User, principal: Principal, at: datetime) -> Response:
    bindings = queries.bindings_of(user_id=principal.pk, at=at, key_id=principal.key_id)
    return Response(me_shape(user, principal, bindings), headers={"ETag": etag(user.version)})
