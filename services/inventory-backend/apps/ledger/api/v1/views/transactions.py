"""Transactions: HTTP in, one action, HTTP out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.conditional import etag
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.errors import request_id_of
from apps.common.api.pages import Listing, Page, page_of
from apps.common.api.requests import caller_of, grants_of, idempotent, is_validate_only, origin_of
from apps.common.api.shown import ShownQuery, shown
from apps.common.errors import NotFound
from apps.ledger import actions, permissions, queries
from apps.ledger.api.v1 import lists
from apps.ledger.api.v1.answers import transactions as answers
from apps.ledger.api.v1.shapes import RECEIPT, NewBatch, NewTransaction, Reversal
from apps.ledger.models import Transaction
from apps.ledger.types import ErrorPolicy, Posted
from rbac import Grants
from rbac.django.permissions import requires


def _listing(grants: Grants) -> Listing[Transaction, answers.TransactionShape]:
    """Return how transactions are listed for a caller: one query more for their legs."""
    visible = queries.visible_locations(grants)

    def shape(rows: Sequence[Transaction]) -> list[answers.TransactionShape]:
        return answers.transaction_shapes(rows, queries.legs_of([row.sequence for row in rows]), visible)

    return replace(lists.TRANSACTIONS, shape=shape)


class Transactions(Endpoint):
    """/api/v1/ledger/transactions."""

    max_body_bytes: ClassVar[int] = settings.BATCH_MAX_BODY_BYTES
    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="list_transactions",
            summary="List transactions",
            query=lists.TransactionQuery,
            listing=lists.TRANSACTIONS,
            returns={200: Page[answers.TransactionShape]},
        ),
        "POST": Operation(
            permission=requires(permissions.POST),
            name="post_transaction",
            summary="Post a transaction",
            body=NewTransaction,
            example=RECEIPT,
            returns={201: answers.TransactionShape},
            is_idempotent=True,
            can_validate_only=True,
            validated=answers.PreviewShape,
        ),
    }

    def get(self, request: Request) -> Response:
        """List what was posted, newest first."""
        query = parse_query(request, lists.TransactionQuery)
        grants = grants_of(request)
        rows = lists.narrowed_transactions(queries.transactions(grants), query)
        return page_of(request, query, rows, _listing(grants))

    def post(self, request: Request) -> Response:
        """Post one transaction, or refuse it whole."""
        body = parse_body(request, NewTransaction)
        if is_validate_only(request):
            return _previewed(request, body)
        return idempotent(request, body, lambda: self._posted(request, body))

    def _posted(self, request: Request, body: NewTransaction) -> Response:
        scope = grants_of(request).scope(permissions.POST)
        return _created(request, actions.post_transaction(body.draft(), scope=scope, origin=origin_of(request)))


class TransactionBatch(Endpoint):
    """/api/v1/ledger/transactions/batch."""

    max_body_bytes: ClassVar[int] = settings.BATCH_MAX_BODY_BYTES
    operations: ClassVar = {
        "POST": Operation(
            permission=requires(permissions.POST),
            name="post_transactions",
            summary="Post many transactions",
            body=NewBatch,
            example=NewBatch(items=[RECEIPT]),
            returns={201: answers.BatchShape, 207: answers.BatchShape},
            is_idempotent=True,
        )
    }

    def post(self, request: Request) -> Response:
        """Post all or none (`reject_all`, 201), or each for itself in their order (`skip_failed`, 207)."""
        body = parse_body(request, NewBatch)
        return idempotent(request, body, lambda: self._posted(request, body))

    def _posted(self, request: Request, body: NewBatch) -> Response:
        results = actions.post_batch(
            [item.draft() for item in body.items],
            policy=body.error_policy,
            scope=grants_of(request).scope(permissions.POST),
            origin=origin_of(request),
        )
        status = 201 if body.error_policy is ErrorPolicy.REJECT_ALL else 207
        shape = answers.BatchShape(results=[_batch_result(index, one) for index, one in enumerate(results)])
        return Response(shape, status=status)


class TransactionPreview(Endpoint):
    """/api/v1/ledger/transactions/preview."""

    max_body_bytes: ClassVar[int] = settings.BATCH_MAX_BODY_BYTES
    operations: ClassVar = {
        "POST": Operation(
            permission=requires(permissions.POST),
            name="preview_transaction",
            summary="See what posting would do",
            body=NewTransaction,
            example=RECEIPT,
            returns={200: answers.PreviewShape},
        )
    }

    def post(self, request: Request) -> Response:
        """Answer with the levels afterwards, or with what stands in the way; store nothing."""
        return _previewed(request, parse_body(request, NewTransaction))


class TransactionDetail(Endpoint):
    """/api/v1/ledger/transactions/{id}."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="get_transaction",
            summary="Read a transaction",
            query=ShownQuery,
            listing=lists.TRANSACTIONS,
            returns={200: answers.TransactionShape},
        )
    }

    def get(self, request: Request, transaction_id: UUID) -> Response:
        """Read one transaction with its lines."""
        query = parse_query(request, ShownQuery)
        grants = grants_of(request)
        found = queries.transactions(grants).filter(pk=transaction_id).first()
        if found is None:
            raise NotFound
        listing = _listing(grants)
        shapes: Sequence[Any] = shown(query, listing.shape([found]), listing.kind, listing.expansions)
        return Response(shapes[0], headers={"ETag": etag(1)})


class TransactionReverse(Endpoint):
    """/api/v1/ledger/transactions/{id}/reverse."""

    operations: ClassVar = {
        "POST": Operation(
            permission=requires(permissions.REVERSE),
            name="reverse_transaction",
            summary="Reverse a transaction",
            body=Reversal,
            returns={201: answers.TransactionShape},
            is_idempotent=True,
        )
    }

    def post(self, request: Request, transaction_id: UUID) -> Response:
        """Post the opposite of a transaction, effective now."""
        body = parse_body(request, Reversal)
        return idempotent(request, body, lambda: self._reversed(request, transaction_id, body))

    def _reversed(self, request: Request, transaction_id: UUID, body: Reversal) -> Response:
        scope = grants_of(request).scope(permissions.REVERSE)
        posted = actions.reverse_transaction(transaction_id, reason=body.reason, scope=scope, origin=origin_of(request))
        return _created(request, posted)


def _created(request: Request, posted: Posted) -> Response:
    shape = answers.posted_shape(posted, actor_id=caller_of(request).pk, request_id=request_id_of(request))
    headers = {"Location": f"/api/v1/ledger/transactions/{shape.id}", "ETag": etag(1)}
    return Response(shape, status=201, headers=headers)


def _previewed(request: Request, body: NewTransaction) -> Response:
    scope = grants_of(request).scope(permissions.POST)
    preview = actions.preview_transaction(body.draft(), scope=scope, origin=origin_of(request))
    shape = answers.PreviewShape(
        is_postable=preview.posted is not None,
        lines=[] if preview.posted is None else answers.line_shapes(preview.posted),
        errors=answers.problem_items(preview.problems),
    )
    return Response(shape)


def _batch_result(index: int, result: Posted | actions.Refused) -> answers.BatchResult:
    if isinstance(result, Posted):
        return answers.BatchResult(
            index=index, status=201, id=str(result.entry.id), number=result.number, sequence=result.sequence
        )
    return answers.BatchResult(index=index, status=409, errors=answers.problem_items(result.problems))
