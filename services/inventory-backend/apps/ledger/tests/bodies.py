"""Transactions of every kind as clients ask for them, most of them possible, to draw histories from."""

from typing import Any, Final

from hypothesis import strategies as st

from apps.ledger.types import Kind

type Body = dict[str, Any]

PHYSICAL: Final = ("A1", "A2", "LAX", "B1")
_ARRIVING = (Kind.OPENING, Kind.RECEIPT, Kind.CUSTOMER_RETURN)
_LEAVING = (Kind.SHIPMENT, Kind.SCRAP, Kind.SUPPLIER_RETURN)
_EITHER_WAY = (Kind.ADJUSTMENT, Kind.PRODUCTION)
# What arrives is drawn more often than it would be by chance, so that something is there to leave.
_KINDS = (*_ARRIVING, *_ARRIVING, *_LEAVING, *_EITHER_WAY, Kind.TRANSFER, Kind.TRANSFER, Kind.RECLASSIFICATION)


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    """Draw the body of POST /transactions: bolts, coffee in any unit and lot, scanners by serial number."""
    kind = draw(st.sampled_from(_KINDS))
    lines = [{**draw(_items()), **draw(_ways(kind))} for _ in range(draw(st.integers(1, 3)))]
    return {"kind": kind.value, "lines": lines}


def histories(*, min_size: int, max_size: int) -> st.SearchStrategy[list[Body]]:
    """Draw transactions in their order."""
    return st.lists(bodies(), min_size=min_size, max_size=max_size)


@st.composite
def _items(draw: st.DrawFn) -> Body:
    match draw(st.sampled_from(("BOLT", "COFFEE", "SCANNER"))):
        case "BOLT":
            return {"item": "sku:BOLT", "quantity": str(draw(st.integers(1, 9)))}
        case "COFFEE":
            unit, quantity = draw(st.sampled_from((("kg", "2.000001"), ("g", "1.25"), ("case", "3"), ("case", "0.04"))))
            lot = draw(st.sampled_from(("L1", "L2")))
            return {"item": "sku:COFFEE", "quantity": quantity, "unit": unit, "lot": lot}
        case _:
            return {"item": "sku:SCANNER", "quantity": "1", "serial": draw(st.sampled_from(("S1", "S2", "S3")))}


@st.composite
def _ways(draw: st.DrawFn, kind: Kind) -> Body:
    first, second = draw(st.permutations(PHYSICAL))[:2]
    owned = draw(st.sampled_from(({}, {}, {"owner": "party:CONSIGNOR"})))
    if kind is Kind.TRANSFER:
        return {**owned, "from_location": f"loc:{first}", "to_location": f"loc:{second}"}
    if kind is Kind.RECLASSIFICATION:
        return {**owned, "from_location": f"loc:{first}", "to_status": "quarantine"}
    arrives = kind in _ARRIVING or (kind in _EITHER_WAY and draw(st.booleans()))
    return {**owned, "to_location" if arrives else "from_location": f"loc:{first}"}
