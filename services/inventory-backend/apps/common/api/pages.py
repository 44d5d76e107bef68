"""Keyset pages: the same cost at any depth, stable while rows are added (api.md 9 and 10).

A cursor holds the sort values of the row at the edge of a page, signed together with the filters it was made for.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from django.core import signing
from django.db.models import F, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from msgspec import UNSET, Meta, Struct, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.shown import Expansions, ShownQuery, shown
from apps.common.errors import Invalid
from rbac.django.queries import first_of_each

_SALT = "page"
_PAGING = frozenset({"cursor", "limit", "count", "fields", "expand"})


class PageQuery(ShownQuery, kw_only=True, forbid_unknown_fields=True):
    """What every list takes."""

    limit: Annotated[int, Meta(ge=1, le=200, extra={"hint": "a whole number from 1 to 200"})] = 50
    cursor: Annotated[str, Meta(max_length=2000)] | UnsetType = UNSET
    sort: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    count: Literal["exact", "estimate"] | UnsetType = UNSET


class Page[Shape](Struct, frozen=True, omit_defaults=True):
    """One page of a list; `next` and `previous` are addresses or null."""

    results: list[Shape]
    next: str | None
    previous: str | None
    count: int | UnsetType = UNSET


def _as_they_are(rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    return rows


@dataclass(frozen=True, kw_only=True)
class Listing[Row, Shape: Struct]:
    """How one list is sorted and shown.

    `columns` makes of the rows of a page what `shape` takes. `sorts` maps each allowed `sort` name to a column that has
    an index; the last sort column of `default` must make the order total together with `tie_break`.
    """

    kind: type[Shape]
    shape: Callable[[Sequence[Row]], list[Shape]]
    sorts: Mapping[str, str]
    default: str
    tie_break: str = "id"
    columns: Callable[[QuerySet[Any, Any]], QuerySet[Any, Any]] = _as_they_are
    expansions: Expansions = field(default_factory=dict)


@dataclass(frozen=True)
class _Edge:
    """Where a page begins: the sort values of the row before it, and the direction of reading."""

    values: tuple[str | int, ...]
    is_backwards: bool


type _Order = tuple[tuple[str, bool], ...]  # (column, is_descending)


def page_of[Row, Shape: Struct](
    request: Request, query: PageQuery, rows: QuerySet[Any, Row], listing: Listing[Row, Shape]
) -> Response:
    """Return one page of `rows`, read with one query (and one more for each expansion or an exact count)."""
    order = _order_of(query, listing)
    seal = _seal_of(request)
    edge = _edge_of(query, order, seal)
    backwards = edge is not None and edge.is_backwards
    wanted = first_of_each(_sliced(rows, order, edge), query.limit + 1)
    found = list(listing.columns(wanted)[: query.limit + 1])
    has_more = len(found) > query.limit
    found = found[: query.limit]
    if backwards:
        found.reverse()
    page: dict[str, Any] = {
        "results": shown(query, listing.shape(found), listing.kind, listing.expansions),
        "next": _link(request, found[-1], order, seal, is_backwards=False)
        if found and (has_more or backwards)
        else None,
        "previous": _link(request, found[0], order, seal, is_backwards=True)
        if found and (edge is not None and (has_more or not backwards))
        else None,
    }
    if query.count is not UNSET:
        page["count"] = rows.count() if query.count == "exact" else _estimated(rows)
    return Response(page)


def _order_of[Row, Shape: Struct](query: PageQuery, listing: Listing[Row, Shape]) -> _Order:
    wanted = listing.default if isinstance(query.sort, UnsetType) else query.sort
    order: dict[str, bool] = {}
    for name in wanted.split(","):
        bare = name.removeprefix("-")
        if bare not in listing.sorts:
            near = get_close_matches(bare, listing.sorts, n=1, cutoff=0.4)
            known = f"Did you mean {near[0]}?" if near else f"This list sorts by {', '.join(listing.sorts)}."
            raise Invalid.at("?sort", "unknown_sort", f"Cannot sort by {bare[:64]!r}. {known}")
        order.setdefault(listing.sorts[bare], name.startswith("-"))
    last_is_descending = next(reversed(order.values()))
    order.setdefault(listing.tie_break, last_is_descending)
    return tuple(order.items())


def _sliced[Row](rows: QuerySet[Any, Row], order: _Order, edge: _Edge | None) -> QuerySet[Any, Row]:
    backwards = edge is not None and edge.is_backwards
    order = tuple((column, descending != backwards) for column, descending in order)
    if edge is not None:
        rows = rows.filter(_after(order, edge.values))
    return rows.order_by(*(f"-{column}" if descending else column for column, descending in order))


def _after(order: _Order, values: tuple[str | int, ...]) -> Any:
    directions = {descending for _, descending in order}
    if len(directions) == 1 and len(order) > 1:
        # One row comparison, which PostgreSQL answers from the index.
        compare = TupleLessThan if directions == {True} else TupleGreaterThan
        return compare(Tuple(*(F(column) for column, _ in order)), values)
    condition = Q()
    for depth, (column, descending) in enumerate(order):
        same = {name: value for (name, _), value in zip(order[:depth], values, strict=False)}
        condition |= Q(**same, **{f"{column}__{'lt' if descending else 'gt'}": values[depth]})
    return condition


def _seal_of(request: Request) -> str:
    """Return a digest of the path and filters, so that a cursor serves only the list it was made for."""
    filters = sorted((name, values) for name, values in request.query_params.lists() if name not in _PAGING)
    return hashlib.sha256(repr((request.path, filters)).encode()).hexdigest()[:16]


def _edge_of(query: PageQuery, order: _Order, seal: str) -> _Edge | None:
    if isinstance(query.cursor, UnsetType):
        return None
    try:
        sealed, is_backwards, values = signing.loads(query.cursor, salt=_SALT)
    except (signing.BadSignature, ValueError) as error:
        raise _invalid_cursor() from error
    if sealed != seal or len(values) != len(order):
        raise _invalid_cursor()
    return _Edge(tuple(values), is_backwards)


def _invalid_cursor() -> Invalid:
    return Invalid.at(
        "?cursor",
        "invalid_cursor",
        "This cursor was not made here for this list, sort and filters. Follow next and previous as they are given.",
    )


def _link(request: Request, row: object, order: _Order, seal: str, *, is_backwards: bool) -> str:
    values = [_plain(getattr(row, column)) for column, _ in order]
    cursor = signing.dumps([seal, is_backwards, values], salt=_SALT)
    parameters = {name: given for name, given in request.query_params.lists() if name != "cursor"}
    return request.build_absolute_uri(f"{request.path}?{urlencode(parameters | {'cursor': cursor}, doseq=True)}")


def _plain(value: object) -> str | int:
    if isinstance(value, int):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _estimated(rows: QuerySet[Any, Any]) -> int:
    """Return the planner's estimate: free of the cost of counting, and only roughly right."""
    (plan,) = msgspec.json.decode(rows.order_by().explain(format="json"))
    return int(plan["Plan"]["Plan Rows"])
