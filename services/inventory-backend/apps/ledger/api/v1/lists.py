"""What the ledger's lists take, and how they are narrowed and sorted."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from django.db.models import Q, QuerySet
from msgspec import UNSET, Meta, Struct, UnsetType

from apps.catalog import queries as catalog
from apps.common.api.fields import Code, Instant, Selector, Text
from apps.common.api.pages import Listing, PageQuery
from apps.common.errors import Invalid
from apps.ledger import permissions, queries
from apps.ledger.api.v1.answers.books import PeriodShape, period_shapes
from apps.ledger.api.v1.answers.stock import BalanceShape, PostingShape, balance_shapes, posting_shapes
from apps.ledger.api.v1.answers.transactions import TransactionShape, transaction_shapes
from apps.ledger.models import Balance, Period, Posting, Transaction
from apps.ledger.queries import PointInTime
from apps.ledger.types import Kind, Status
from apps.locations import queries as locations
from rbac import Grants

_KNOWN = "What we knew then: a time, or a sequence number."

_EITHER: Final = {"anyOf": [{"format": "date-time"}, {"pattern": "^[0-9]{1,18}$"}]}
Known = Annotated[
    str,
    Meta(max_length=40, pattern=r"^[0-9TZ:.+-]+$(?!\n)", description=_KNOWN, extra_json_schema=_EITHER),
]


class BalanceQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /balances; `as_of` is what was there then, `known_at` what we knew then."""

    as_of: Instant | UnsetType = UNSET
    known_at: Known | UnsetType = UNSET
    item: list[Selector] | UnsetType = UNSET
    location: list[Selector] | UnsetType = UNSET
    location__under: Selector | UnsetType = UNSET
    lot: Code | UnsetType = UNSET
    serial: Code | UnsetType = UNSET
    status: list[Status] | UnsetType = UNSET
    owner: Text | UnsetType = UNSET
    nonzero: bool | UnsetType = UNSET


class PostingQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /postings."""

    item: list[Selector] | UnsetType = UNSET
    location: list[Selector] | UnsetType = UNSET
    location__under: Selector | UnsetType = UNSET
    lot: Code | UnsetType = UNSET
    serial: Code | UnsetType = UNSET
    status: list[Status] | UnsetType = UNSET
    effective_at__gte: Instant | UnsetType = UNSET
    effective_at__lt: Instant | UnsetType = UNSET


class TransactionQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /transactions."""

    kind: list[Kind] | UnsetType = UNSET
    reference: Text | UnsetType = UNSET
    effective_at__gte: Instant | UnsetType = UNSET
    effective_at__lt: Instant | UnsetType = UNSET
    recorded_at__gte: Instant | UnsetType = UNSET
    recorded_at__lt: Instant | UnsetType = UNSET


class LevelQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /levels: sums by item, location, lot or status."""

    as_of: Instant | UnsetType = UNSET
    known_at: Known | UnsetType = UNSET
    by: Literal["item", "location", "lot", "status"] = "item"
    item: list[Selector] | UnsetType = UNSET
    location__under: Selector | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Annotated[str, Meta(max_length=2000)] | UnsetType = UNSET


BALANCES: Final = Listing[Any, BalanceShape](
    kind=BalanceShape,
    shape=balance_shapes,
    sorts={"item": "item_id", "location": "location_id"},
    default="item,location",
    columns=queries.balance_rows,
)
POSTINGS: Final = Listing[Posting, PostingShape](
    kind=PostingShape,
    shape=posting_shapes,
    sorts={"sequence": "transaction_id"},
    default="-sequence",
    tie_break="line",
)
PERIODS: Final = Listing[Period, PeriodShape](
    kind=PeriodShape,
    shape=period_shapes,
    sorts={"closed_until": "closed_until"},
    default="-closed_until",
    tie_break="closed_until",
)
_NOWHERE: Final[set[UUID]] = set()
# Which sides and lines of a transaction are shown depends on the caller; here, none.
TRANSACTIONS: Final = Listing[Transaction, TransactionShape](
    kind=TransactionShape,
    shape=lambda rows: transaction_shapes(rows, [], _NOWHERE),
    sorts={"sequence": "sequence", "effective_at": "effective_at"},
    default="-sequence",
    tie_break="sequence",
)


def point_in_time(query: BalanceQuery | LevelQuery) -> PointInTime:
    """Return the moment that is asked for.

    Raises `Invalid` for a `known_at` that is neither a time nor a sequence, and `NotSettledYet`.
    """
    as_of = None if isinstance(query.as_of, UnsetType) else query.as_of
    if isinstance(query.known_at, UnsetType):
        return PointInTime(as_of=as_of)
    return PointInTime(as_of=as_of, known_to=_sequence(query.known_at))


def _sequence(text: str) -> int:
    if text.isdecimal() and len(text) <= 18:  # noqa: PLR2004  (what a bigint holds)
        return queries.require_settled(int(text))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Invalid.at("?known_at", "invalid", "Send a time with an offset, or a sequence number.")
    return queries.known_at(at)


def narrowed_balances(rows: QuerySet[Balance], query: BalanceQuery, grants: Grants) -> QuerySet[Balance]:
    """Return the balances that the query asks for."""
    rows = rows.filter(_places(query, grants))
    if not isinstance(query.owner, UnsetType):
        rows = rows.filter(owner__code=query.owner)
    if query.nonzero is not UNSET:
        if query.as_of is not UNSET or query.known_at is not UNSET:
            raise Invalid.at(
                "?nonzero", "only_at_present", "nonzero looks at the present. Leave it out with as_of or known_at."
            )
        rows = rows.exclude(on_hand=0) if query.nonzero else rows.filter(on_hand=0)
    return rows


def narrowed_postings(rows: QuerySet[Posting], query: PostingQuery, grants: Grants) -> QuerySet[Posting]:
    """Return the postings that the query asks for."""
    return rows.filter(_places(query, grants), _times(query, "effective_at"))


def narrowed_transactions(rows: QuerySet[Transaction], query: TransactionQuery) -> QuerySet[Transaction]:
    """Return the transactions that the query asks for."""
    rows = rows.filter(_times(query, "effective_at"), _times(query, "recorded_at"))
    if not isinstance(query.kind, UnsetType):
        rows = rows.filter(kind__in=query.kind)
    return rows if isinstance(query.reference, UnsetType) else rows.filter(reference=query.reference)


def item_ids(selectors: list[str] | UnsetType) -> list[UUID] | None:
    """Return the ids of the named items; unknown ones match nothing. None where none are named."""
    if isinstance(selectors, UnsetType):
        return None
    return [item.id for item in catalog.find_items(selectors).values()]


def place_id(selector: str | UnsetType, grants: Grants) -> UUID | None:
    """Return the id of a named location that the caller may see, or None where none is named.

    Raises `Invalid` where it does not exist for the caller.
    """
    if isinstance(selector, UnsetType):
        return None
    found = locations.find_locations([selector], scope=grants.scope(permissions.VIEW))
    if selector not in found:
        raise Invalid.at("?location__under", "unknown_location", f"There is no location {selector[:80]}.")
    return found[selector].id


def _places(query: BalanceQuery | PostingQuery, grants: Grants) -> Q:
    condition = Q()
    items = item_ids(query.item)
    if items is not None:
        condition &= Q(item_id__in=items)
    if not isinstance(query.location, UnsetType):
        found = locations.find_locations(query.location, scope=grants.scope(permissions.VIEW))
        condition &= Q(location_id__in=[location.id for location in found.values()])
    under = place_id(query.location__under, grants)
    if under is not None:
        condition &= queries.under_location(under)
    if not isinstance(query.lot, UnsetType):
        condition &= Q(lot__code=query.lot)
    if not isinstance(query.serial, UnsetType):
        condition &= Q(serial__code=query.serial)
    return condition if isinstance(query.status, UnsetType) else condition & Q(status__in=query.status)


def _times(query: Struct, field: str) -> Q:
    condition = Q()
    for suffix in ("gte", "lt"):
        value = getattr(query, f"{field}__{suffix}")
        if value is not UNSET:
            condition &= Q(**{f"{field}__{suffix}": value})
    return condition
