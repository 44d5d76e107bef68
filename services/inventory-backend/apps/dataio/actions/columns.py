"""The columns of each kind of file; what a cell may hold is what the API's field may hold."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from msgspec import Meta

from apps.catalog.types import Tracking
from apps.common.api.fields import Code, Instant, Name, Note, PositiveQuantity, Selector, Text
from apps.dataio.csv_files import Column
from apps.ledger.types import Status, TransactionKind
from apps.locations.types import VIRTUAL, LocationKind


def _one_of(values: Iterable[str]) -> Any:
    words = list(values)
    return Annotated[str, Meta(pattern=f"^({'|'.join(words)})$", extra={"hint": "one of " + ", ".join(words)})]


# A reversal names what it takes back; a row cannot.
_MOVEMENT: Final = _one_of(kind for kind in TransactionKind if kind != TransactionKind.REVERSAL)
_PLACE: Final = _one_of(kind for kind in LocationKind if kind not in VIRTUAL)

ITEMS: Final = (
    Column(name="sku", kind=Code, is_required=True),
    Column(name="name", kind=Name, is_required=True),
    Column(name="base_unit", kind=Code, is_required=True),
    Column(name="tracking", kind=Tracking),
    Column(name="gtin", kind=Text),
    Column(name="description", kind=Note),
)
LOCATIONS: Final = (
    Column(name="code", kind=Code, is_required=True),
    Column(name="name", kind=Name, is_required=True),
    Column(name="kind", kind=_PLACE, is_required=True),
    Column(name="parent", kind=Code),
)
TRANSACTIONS: Final = (
    Column(name="kind", kind=_MOVEMENT, is_required=True),
    Column(name="item", kind=Selector, is_required=True),
    Column(
        name="quantity",
        kind=PositiveQuantity,
        is_required=True,
        is_number=True,
        hint="a decimal above zero, such as 12.5, with at most 6 decimals; the locations say the direction",
    ),
    Column(name="unit", kind=Code),
    Column(name="from_location", kind=Selector),
    Column(name="to_location", kind=Selector),
    Column(name="lot", kind=Code),
    Column(name="serial", kind=Code),
    Column(name="status", kind=Status),
    Column(name="effective_at", kind=Instant),
    Column(name="reference", kind=Text),
    Column(name="reason", kind=Text),
)
