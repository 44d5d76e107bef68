"""HTTP in, one query, HTTP out."""

from typing import ClassVar, Final
from uuid import UUID

from django.db.models import QuerySet
from msgspec import UNSET, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_query
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.pages import Listing, Page, page_of
from apps.common.api.requests import grants_of
from apps.common.errors import NotFound
from apps.trail import permissions, queries
from apps.trail.api.v1.shapes import (
    EventQuery,
    EventShape,
    ProofShape,
    VerificationShape,
    VerifyQuery,
    event_shapes,
    proof_shape,
    verification_shape,
)
from audit.django.models import AuditEvent
from rbac.django.permissions import requires

_EVENTS: Final = Listing[AuditEvent, EventShape](
    kind=EventShape, shape=event_shapes, sorts={"seq": "seq"}, default="-seq", tie_break="seq"
)
_FILTERS: Final = {
    "actor": "actor_id__in",
    "object_type": "object_type__in",
    "object_id": "object_id__in",
    "action": "action__in",
    "request_id": "request_id",
    "at__gte": "at__gte",
    "at__lt": "at__lt",
}


class Events(Endpoint):
    """/api/v1/audit/events."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="list_audit_events",
            summary="List audit events",
            query=EventQuery,
            listing=_EVENTS,
            returns={200: Page[EventShape]},
        )
    }

    def get(self, request: Request) -> Response:
        """List what was changed, by whom, when, from where and why; the latest first."""
        _for_all_locations(request)
        query = parse_query(request, EventQuery)
        return page_of(request, query, _narrowed(queries.events(), query), _EVENTS)


class Verification(Endpoint):
    """/api/v1/audit/verify."""

    deadline_seconds = 60  # it reads all that there is

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="verify_audit_trail",
            summary="Verify the audit trail",
            query=VerifyQuery,
            returns={200: VerificationShape},
        )
    }

    def get(self, request: Request) -> Response:
        """Compare every event with the seals; the time it takes grows with the trail, unless a seal is trusted."""
        _for_all_locations(request)
        query = parse_query(request, VerifyQuery)
        since = None if isinstance(query.from_seal, UnsetType) else query.from_seal
        return Response(verification_shape(queries.verified(since=since), queries.newest_seal()))


class EventProof(Endpoint):
    """/api/v1/audit/events/{id}/proof."""

    deadline_seconds = 60  # it reads all that there is

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="prove_audit_event",
            summary="Prove an audit event",
            returns={200: ProofShape},
        )
    }

    def get(self, request: Request, event_id: UUID) -> Response:
        """Return what proves, to who has a checkpoint alone, that this event is in the trail as it was sealed."""
        _for_all_locations(request)
        return Response(proof_shape(queries.proof_of(event_id)))


def _narrowed(rows: QuerySet[AuditEvent], query: EventQuery) -> QuerySet[AuditEvent]:
    for name, lookup in _FILTERS.items():
        value = getattr(query, name)
        if value is not UNSET:
            rows = rows.filter(**{lookup: value})
    return rows


def _for_all_locations(request: Request) -> None:
    """Raise `NotFound` for who holds the permission in some locations only: the trail is of all."""
    if not grants_of(request).scope(permissions.VIEW).everywhere:
        raise NotFound
