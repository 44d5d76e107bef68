"""Eighteen months of the demo company's stock movements, invented day by day and the same for the same seed.

It keeps its own book of what lies where, so that nothing is ever taken that is not there.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import batched
from random import Random

from apps.catalog.types import Tracking
from apps.demo.catalogue import Product
from apps.demo.company import Batch, bins
from apps.ledger.types import Draft, DraftLine, Kind, Status

DAYS = 548
_MAIN, _BRANCH = "LEJ", "HAM"
_ORDERS_A_DAY = 12
_SATURDAY = 5
_LINES_OF_A_RECEIPT = 6

type Mark = str | None
"""A lot's code, a serial number, or None for what is not told apart."""


@dataclass(kw_only=True)
class History:
    """The drafts in order of time, and the lots and serials that they name."""

    products: Sequence[Product]
    until: date
    random: Random
    drafts: list[Draft] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with empty shelves, a bin for each item, and chance's favourites."""
        self._stock: dict[tuple[str, str], dict[Mark, Decimal]] = defaultdict(dict)
        self._expiry = dict[Mark, date]()
        places = {site: bins(site) for site in (_MAIN, _BRANCH)}
        self._home = {
            (site, product.sku): codes[number % len(codes)]
            for site, codes in places.items()
            for number, product in enumerate(self.products)
        }
        # Few items make most of the sales.
        self._weights = [self.random.paretovariate(1.2) for _ in self.products]

    def invent(self) -> None:
        """Fill `drafts` and `batches`."""
        first = self.until - timedelta(days=DAYS)
        self._open(first)
        for number in range(1, DAYS):
            day = first + timedelta(days=number)
            if day.weekday() >= _SATURDAY:
                continue
            self._receive(day)
            if day.weekday() == 0:
                self._replenish_branch(day)
            for _ in range(self.random.randint(_ORDERS_A_DAY - 3, _ORDERS_A_DAY + 3)):
                self._ship(day)
            if self.random.random() < 0.5:  # noqa: PLR2004  (every other day)
                self._take_back(day)
            if self.random.random() < 0.4:  # noqa: PLR2004  (twice a week)
                self._count(day)
            self._scrap_expired(day)

    def _open(self, day: date) -> None:
        lines = [line for product in self.products for line in self._arrive(product, _MAIN, day, packs=4)]
        for number, part in enumerate(batched(lines, 50, strict=False), 1):
            self._post(Kind.OPENING, part, day, hour=6, reference=f"OPEN-{number:02}")

    def _receive(self, day: date) -> None:
        """Order what has run low, in the supplier's packs; it comes over the dock and is put away."""
        short = [product for product in self.products if self._on_hand(_MAIN, product) < _reorder_point(product)]
        by_supplier = defaultdict[str, list[Product]](list)
        for product in short:
            by_supplier[product.supplier].append(product)
        for supplier, wanted in by_supplier.items():
            for part in batched(wanted, _LINES_OF_A_RECEIPT, strict=False):
                lines = [line for product in part for line in self._arrive(product, _MAIN, day, packs=0)]
                dock = f"loc:{_MAIN}-DOCK"
                number = f"PO-{day:%y%m}-{len(self.drafts):05}"
                arriving = [_moved(line, None, dock) for line in lines]
                self._post(Kind.RECEIPT, arriving, day, hour=7, reference=number, reason=supplier)
                put_away = [_moved(line, dock, line.to_location) for line in lines]
                self._post(Kind.TRANSFER, put_away, day, hour=8, reference=number, reason="putaway")

    def _arrive(self, product: Product, site: str, day: date, *, packs: int) -> Iterator[DraftLine]:
        """Yield the lines by which an item comes in, and book it; `packs` of 0 lets chance decide."""
        packs = packs or self.random.randint(3, 8)
        unit, size = product.pack or (None, Decimal(1))
        count = Decimal(packs if product.pack else packs * 10)
        if product.tracking is Tracking.SERIAL:
            marks: list[Mark] = [self._serial(product) for _ in range(packs)]
            count = Decimal(1)
        else:
            marks = [self._lot(product, day)]
        for mark in marks:
            self._book(site, product, mark, count * size)
            yield self._line(product, mark, count, to=(site, product), unit=unit)

    def _ship(self, day: date) -> None:
        """Send an order of one to three items to a customer, the oldest lots first."""
        site = _BRANCH if self.random.random() < 0.3 else _MAIN  # noqa: PLR2004  (the branch's share)
        count = self.random.choice((1, 2, 2, 3))
        lines = [
            self._line(product, mark, quantity, source=(site, product))
            for product in self._chosen(count)
            for mark, quantity in self._take(site, product, self._order_quantity(product))
        ]
        number = f"SO-{day:%y%m}-{len(self.drafts):05}"
        self._post(Kind.SHIPMENT, lines, day, hour=self.random.randint(10, 17), reference=number)

    def _replenish_branch(self, day: date) -> None:
        lines = []
        for product in self._chosen(25):
            wanted = _reorder_point(product) - self._on_hand(_BRANCH, product)
            spare = self._on_hand(_MAIN, product) / 2 // 1
            for mark, quantity in self._take(_MAIN, product, min(wanted, spare)):
                self._book(_BRANCH, product, mark, quantity)
                lines.append(self._line(product, mark, quantity, source=(_MAIN, product), to=(_BRANCH, product)))
        self._post(Kind.TRANSFER, lines, day, hour=9, reference=f"REP-{day:%G-W%V}", reason="replenishment")

    def _take_back(self, day: date) -> None:
        """Take something back from a customer into quarantine; most of it is fit to be sold again."""
        (product,) = self._chosen(1)
        held = self._stock[_MAIN, product.sku]
        if product.tracking is Tracking.SERIAL or not held:
            return
        line = self._line(product, next(iter(held)), Decimal(1), to=(_MAIN, product), status=Status.QUARANTINE)
        self._post(Kind.CUSTOMER_RETURN, [line], day, hour=18, reason="return", reference=f"RMA-{len(self.drafts):05}")
        home = line.to_location
        if self.random.random() < 0.7:  # noqa: PLR2004  (what passes inspection)
            self._book(_MAIN, product, line.lot, line.quantity)
            good = DraftLine(
                item=line.item,
                quantity=line.quantity,
                from_location=home,
                lot=line.lot,
                status=Status.QUARANTINE,
                to_status=Status.AVAILABLE,
            )
            self._post(Kind.RECLASSIFICATION, [good], day, hour=19, reason="inspected")

    def _count(self, day: date) -> None:
        """Count an item and correct the book by a piece or two."""
        (product,) = self._chosen(1)
        if product.tracking is Tracking.SERIAL:
            return
        lines = [
            self._line(product, mark, quantity, source=(_MAIN, product))
            for mark, quantity in self._take(_MAIN, product, Decimal(self.random.randint(1, 2)))
        ]
        self._post(Kind.ADJUSTMENT, lines, day, hour=20, reason="cycle count")

    def _scrap_expired(self, day: date) -> None:
        lines = [
            self._line(product, mark, held.pop(mark), source=(site, product))
            for product in self.products
            for site in (_MAIN, _BRANCH)
            for held in [self._stock[site, product.sku]]
            for mark in list(held)
            if self._expiry.get(mark, day) < day
        ]
        self._post(Kind.SCRAP, lines, day, hour=21, reason="expired")

    def _take(self, site: str, product: Product, wanted: Decimal) -> Iterator[tuple[Mark, Decimal]]:
        """Yield, and take from the book, up to `wanted`, from what came in first."""
        held = self._stock[site, product.sku]
        for mark in list(held):
            if wanted <= 0:
                return
            portion = min(wanted, held[mark])
            wanted -= portion
            held[mark] -= portion
            if not held[mark]:
                del held[mark]
            yield mark, portion

    def _book(self, site: str, product: Product, mark: Mark, quantity: Decimal) -> None:
        held = self._stock[site, product.sku]
        held[mark] = held.get(mark, Decimal(0)) + quantity

    def _on_hand(self, site: str, product: Product) -> Decimal:
        return sum(self._stock[site, product.sku].values(), Decimal(0))

    def _chosen(self, count: int) -> list[Product]:
        return list(dict.fromkeys(self.random.choices(self.products, self._weights, k=count)))

    def _order_quantity(self, product: Product) -> Decimal:
        if product.tracking is Tracking.SERIAL:
            return Decimal(1)
        if product.unit == "kg":
            return Decimal(self.random.randint(10, 120)) / 4
        return Decimal(self.random.randint(1, 12))

    def _lot(self, product: Product, day: date) -> Mark:
        if product.tracking is not Tracking.LOT or product.shelf_life is None:
            return None
        code = f"L{day:%y%m%d}-{len(self.batches):05}"
        expires = day + timedelta(days=product.shelf_life)
        self._expiry[code] = expires
        self.batches.append(Batch(sku=product.sku, code=code, made=day - timedelta(days=7), expires=expires))
        return code

    def _serial(self, product: Product) -> Mark:
        code = f"SN-{product.sku[-3:]}-{len(self.batches):06}"
        self.batches.append(Batch(sku=product.sku, code=code))
        return code

    def _line(  # noqa: PLR0913  (the columns of a line)
        self,
        product: Product,
        mark: Mark,
        quantity: Decimal,
        *,
        source: tuple[str, Product] | None = None,
        to: tuple[str, Product] | None = None,
        unit: str | None = None,
        status: Status = Status.AVAILABLE,
    ) -> DraftLine:
        return DraftLine(
            item=f"sku:{product.sku}",
            quantity=quantity,
            unit=unit,
            from_location=f"loc:{self._home[source[0], source[1].sku]}" if source else None,
            to_location=f"loc:{self._home[to[0], to[1].sku]}" if to else None,
            lot=mark if product.tracking is Tracking.LOT else None,
            serial=mark if product.tracking is Tracking.SERIAL else None,
            status=status,
        )

    def _post(
        self, kind: Kind, lines: Sequence[DraftLine], day: date, *, hour: int, reason: str = "", reference: str = ""
    ) -> None:
        if lines:
            at = datetime.combine(day, time(hour, self.random.randint(0, 59)), UTC)
            self.drafts.append(Draft(kind=kind, lines=lines, effective_at=at, reason=reason, reference=reference))


def _moved(line: DraftLine, source: str | None, target: str | None) -> DraftLine:
    return DraftLine(
        item=line.item,
        quantity=line.quantity,
        unit=line.unit,
        lot=line.lot,
        serial=line.serial,
        from_location=source,
        to_location=target,
    )


def _reorder_point(product: Product) -> Decimal:
    if product.tracking is Tracking.SERIAL:
        return Decimal(3)
    return product.pack[1] * 2 if product.pack else Decimal(20)
