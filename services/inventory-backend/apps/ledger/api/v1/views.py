"""HTTP in, one action, HTTP out."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.core import signing
from msgspec import UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.conditional import etag
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.errors import request_id_of
from apps.common.api.pages import Listing, Page, PageQuery, page_of
from apps.common.api.requests import caller_of, grants_of, idempotent, is_validate_only, origin_of
from apps.common.api.shown import ShownQuery, shown
from apps.common.errors import Invalid, NotFound
from apps.ledger import actions, permissions, queries
from apps.ledger.api.v1 import answers, lists
from apps.ledger.api.v1.shapes import NewBatch, NewPeriod, NewTransaction, Reversal
from apps.ledger.models import Transaction
from apps.ledger.types import ErrorPolicy, Posted
from rbac import Grants
from rbac.django.permissions import requires


def transaction_listing(grants: Grants) -> Listing[Transaction, answers.TransactionShape]:
    """Return how transactions are listed for a caller: one query more for their legs."""
    visible = queries.visible_locations(grants)

    def shape(rows: Sequence[Transaction]) -> list[answers.TransactionShape]:
        return answers.transaction_shapes(rows, queries.legs_of([row.sequence for row in rows]), visible)

    return Listing(
        kind=answers.TransactionShape,
        shape=shape,
        sorts=lists.TRANSACTION_SORTS,
        default="-sequence",
        tie_break="sequence",
    )


class Transactions(Endpoint):
    """/api/v1/ledger/transactions."""

    max_body_bytes: ClassVar[int] = settings.BATCH_MAX_BODY_BYTES
    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="list_transactions",
            summary="List transactions",
            query=lists.TransactionQuery,
            returns={200: Page[answers.TransactionShape]},
        ),
        "POST": Operation(
            permission=requires(permissions.POST),
            name="post_transaction",
            summary="Post a transaction",
            body=NewTransaction,
            returns={201: answers.TransactionShape},
            is_idempotent=True,
            can_validate_only=True,
        ),
    }

    def get(self, request: Request) -> Response:
        """List what was posted, newest first."""
        query = parse_query(request, lists.TransactionQuery)
        grants = grants_of(request)
        rows = lists.narrowed_transactions(queries.transactions(grants), query)
        return page_of(request, query, rows, transaction_listing(grants))

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
        listing = transaction_listing(grants)
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


class Balances(Endpoint):
    """/api/v1/ledger/balances."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="list_balances",
            summary="List balances",
            query=lists.BalanceQuery,
            returns={200: Page[answers.BalanceShape]},
        )
    }

    def get(self, request: Request) -> Response:
        """List what is in each place, now or at a moment in the past."""
        query = parse_query(request, lists.BalanceQuery)
        grants = grants_of(request)
        rows = lists.narrowed_balances(queries.balances(grants), query, grants)
        point = lists.point_in_time(query)
        listing = lists.BALANCES if point.is_now else _past_listing(point)
        return page_of(request, query, queries.balance_rows(rows), listing)


class Postings(Endpoint):
    """/api/v1/ledger/postings."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="list_postings",
            summary="List postings",
            query=lists.PostingQuery,
            returns={200: Page[answers.PostingShape]},
        )
    }

    def get(self, request: Request) -> Response:
        """List the legs of transactions, newest first."""
        query = parse_query(request, lists.PostingQuery)
        rows = lists.narrowed_postings(queries.postings(grants_of(request)), query, grants_of(request))
        return page_of(request, query, rows, lists.POSTINGS)


class Levels(Endpoint):
    """/api/v1/ledger/levels."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="list_levels",
            summary="Sum balances",
            query=lists.LevelQuery,
            returns={200: Page[answers.LevelShape]},
        )
    }

    def get(self, request: Request) -> Response:
        """Sum balances by item, location, lot or status, now or at a moment in the past."""
        query = parse_query(request, lists.LevelQuery)
        grants = grants_of(request)
        wanted = queries.LevelsWanted(
            by=query.by,
            limit=query.limit + 1,
            point=lists.point_in_time(query),
            items=lists.item_ids(query.item),
            under=lists.place_id(query.location__under, grants),
            after=_after(query),
        )
        rows = queries.levels(grants, wanted)
        following = None
        if len(rows) > query.limit:
            last = rows[query.limit - 1]
            cursor = signing.dumps([query.by, last.key, last.unit], salt="levels")
            parameters = request.query_params.copy()
            parameters["cursor"] = cursor
            following = request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")
        page = {
            "results": [answers.level_shape(row) for row in rows[: query.limit]],
            "next": following,
            "previous": None,
        }
        return Response(page)


class Integrity(Endpoint):
    """/api/v1/ledger/integrity."""

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
        if not grants_of(request).scope(permissions.AUDIT).everywhere:
            raise NotFound
        return Response(answers.integrity_shape(queries.integrity()))


class Periods(Endpoint):
    """/api/v1/ledger/periods."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="list_periods",
            summary="List closed periods",
            query=PageQuery,
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
        body = parse_body(request, NewPeriod)
        return idempotent(request, body, lambda: self._closed(request, body))

    def _closed(self, request: Request, body: NewPeriod) -> Response:
        actions.close_period(until=body.closed_until, reason=body.reason, origin=origin_of(request))
        (shape,) = answers.period_shapes([queries.periods().get(pk=body.closed_until)])
        return Response(shape, status=201)


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


def _past_listing(point: queries.PointInTime) -> Listing[Any, answers.BalanceShape]:
    def shape(rows: Sequence[Any]) -> list[answers.BalanceShape]:
        return answers.balance_shapes(rows, queries.quantities_at([row.id for row in rows], point))

    return Listing(kind=answers.BalanceShape, shape=shape, sorts=lists.BALANCES.sorts, default=lists.BALANCES.default)


def _after(query: lists.LevelQuery) -> tuple[str, str] | None:
    if isinstance(query.cursor, UnsetType):
        return None
    try:
        by, key, unit = signing.loads(query.cursor, salt="levels")
    except (signing.BadSignature, ValueError) as error:
        raise _invalid_cursor() from error
    if by != query.by:
        raise _invalid_cursor()
    return key, unit


def _invalid_cursor() -> Invalid:
    return Invalid.at("?cursor", "invalid_cursor", "This cursor was not made here for this list. Follow next as given.")
