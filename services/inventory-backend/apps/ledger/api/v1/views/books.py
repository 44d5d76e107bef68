"""Closed periods and the trial balance: HTTP in, one action, HTTP out."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.pages import Page, PageQuery, page_of
from apps.common.api.requests import grants_of, idempotent, origin_of
from apps.common.errors import NotFound
from apps.ledger import actions, permissions, queries
from apps.ledger.api.v1 import lists
from apps.ledger.api.v1.answers import books as answers
from apps.ledger.api.v1.shapes import NewPeriod
from rbac.django.permissions import requires


class Integrity(Endpoint):
    """/api/v1/ledger/integrity."""

    deadline_seconds = 60  # it reads all that there is

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.AUDIT),
            name="get_integrity",
            summary="The trial balance",
            returns={200: answers.IntegrityShape},
        )
    }

    def get(self, request: Request) -> Response:
        """Check every posting and balance against the invariants, and name the rows that break one."""
        _for_all_locations(request, permissions.AUDIT)
        return Response(answers.integrity_shape(queries.integrity()))


class Periods(Endpoint):
    """/api/v1/ledger/periods."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="list_periods",
            summary="List closed periods",
            query=PageQuery,
            listing=lists.PERIODS,
            returns={200: Page[answers.PeriodShape]},
        ),
        "POST": Operation(
            permission=requires(permissions.CLOSE_PERIOD),
            name="close_period",
            summary="Close a period",
            body=NewPeriod,
            returns={201: answers.PeriodShape},
            is_idempotent=True,
        ),
    }

    def get(self, request: Request) -> Response:
        """List the closed periods, latest first."""
        query = parse_query(request, PageQuery)
        return page_of(request, query, queries.periods(), lists.PERIODS)

    def post(self, request: Request) -> Response:
        """Let nothing become effective at or before an instant any more. This is final."""
        _for_all_locations(request, permissions.CLOSE_PERIOD)
        body = parse_body(request, NewPeriod)
        return idempotent(request, body, lambda: self._closed(request, body))

    def _closed(self, request: Request, body: NewPeriod) -> Response:
        actions.close_period(until=body.closed_until, reason=body.reason, origin=origin_of(request))
        (shape,) = answers.period_shapes([queries.periods().get(pk=body.closed_until)])
        return Response(shape, status=201)


def _for_all_locations(request: Request, permission: str) -> None:
    """Raise `NotFound` for who holds the permission in some locations only: the books are those of all."""
    if not grants_of(request).scope(permission).everywhere:
        raise NotFound
