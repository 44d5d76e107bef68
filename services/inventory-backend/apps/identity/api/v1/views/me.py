"""Who is asking: HTTP in, one query, HTTP out."""

from typing import TYPE_CHECKING, ClassVar, cast

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.endpoint import Endpoint, Operation
from apps.identity import queries
from apps.identity.api.v1.shapes.me import MeShape, me_shape
from rbac.django.permissions import signed_in

if TYPE_CHECKING:
    from apps.identity.types import Principal


class Me(Endpoint):
    """GET /me."""

    operations: ClassVar = {
        "GET": Operation(
            permission=signed_in(), name="me", summary="Who I am and what I may do", returns={200: MeShape}
        )
    }

    def get(self, request: Request) -> Response:
        """Return the signed-in user with roles, permissions and where they hold."""
        principal = cast("Principal", request.user)
        bindings = queries.bindings_of(user_id=principal.pk, at=timezone.now())
        return Response(me_shape(principal, bindings))
