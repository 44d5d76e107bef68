"""Balances, their sums and their postings: HTTP in, one query, HTTP out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.core import signing
from msgspec import UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.bodies import parse_query
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.pages import Listing, Page, page_of
from apps.common.api.requests import grants_of
from apps.common.errors import Invalid
from apps.ledger import permissions, queries
from apps.ledger.api.v1 import lists
from apps.ledger.api.v1.answers import stock as answers
from rbac.django.permissions import requires


class Balances(Endpoint):
    """/api/v1/ledger/balances."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="list_balances",
            summary="List balances",
            query=lists.BalanceQuery,
            listing=lists.BALANCES,
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
        return page_of(request, query, rows, listing)


class Postings(Endpoint):
    """/api/v1/ledger/postings."""

    operations: ClassVar = {
        "GET": Operation(
            permission=requires(permissions.VIEW),
            name="list_postings",
            summary="List postings",
            query=lists.PostingQuery,
            listing=lists.POSTINGS,
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


def _past_listing(point: queries.PointInTime) -> Listing[Any, answers.BalanceShape]:
    def shape(rows: Sequence[Any]) -> list[answers.BalanceShape]:
        return answers.balance_shapes(rows, queries.quantities_at([row.id for row in rows], point))

    return replace(lists.BALANCES, shape=shape)


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
