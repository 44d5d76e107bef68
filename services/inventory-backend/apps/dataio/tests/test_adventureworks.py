"""A bicycle maker's stock: the import command and the batch endpoint on data that nobody made for us."""

import csv
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.common.db import rows
from apps.ledger.queries import integrity
from tests.client import Client
from tests.world import World

_DATA = Path(__file__).resolve().parents[6] / "shared" / "data" / "adventureworks"
_PER_REQUEST = 500

pytestmark = pytest.mark.skipif(not _DATA.is_dir(), reason="The AdventureWorks folder is not here.")


def table(name: str) -> list[list[str]]:
    with (_DATA / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter="\t"))


def place_of(location: str, shelf: str, box: str) -> str:
    return f"AW{location}-{shelf}-{box}"


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str, Sequence[str], Iterable[Sequence[str]]], dict[str, Any]]:
    """Write a CSV file and import it with the command; return its answer."""

    def write_and_import(noun: str, header: Sequence[str], content: Iterable[Sequence[str]]) -> dict[str, Any]:
        file = tmp_path / f"{noun}.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([header, *content])
        answer = StringIO()
        call_command("import", noun, str(file), "--json", stdout=answer, stderr=StringIO())
        found: dict[str, Any] = json.loads(answer.getvalue())
        return found

    return write_and_import


def on_hand_by_location() -> dict[str, int]:
    sql = """
        SELECT above.code, sum(b.on_hand)::int FROM ledger_balance b
        JOIN locations_location_closure c ON c.descendant_id = b.location_id AND c.depth = 1
        JOIN locations_location above ON above.id = c.ancestor_id GROUP BY 1
    """
    return dict(rows(sql, []))


def levels_by_status(api: Client, **query: str) -> dict[str, str]:
    answer = json.loads(api.get("/ledger/levels", by="status", **query).content)
    return {row["key"]: row["on_hand"] for row in answer["results"]}


def receipts(skus: dict[str, str], first_place: dict[str, str]) -> list[dict[str, Any]]:
    """A receipt for each purchase-order line that brought anything: what was stocked, and what was rejected."""
    found = []
    for order, line, _, _, product, _, _, _, rejected, stocked, *_ in table("PurchaseOrderDetail"):
        parts = (("available", float(stocked)), ("quarantine", float(rejected)))
        lines = [
            {
                "item": f"sku:{skus[product]}",
                "to_location": first_place[product],
                "quantity": f"{pieces:g}",
                "status": status,
            }
            for status, pieces in parts
            if pieces
        ]
        if lines:
            found.append({"kind": "receipt", "reference": f"PO-{order}-{line}", "lines": lines})
    return found


def test_adventureworks(
    world: World, api: Client, load: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    products, inventory = table("Product"), table("ProductInventory")
    skus = {product[0]: product[2] for product in products}
    answer = load("items", ["sku", "name", "base_unit"], [[row[2], row[1], "ea"] for row in products])
    assert answer["stored"] == 504

    halls = [[f"AW{row[0]}", row[1], "warehouse", ""] for row in table("Location")]
    bins = {(location, shelf, box) for _, location, shelf, box, *_ in inventory}
    places = [[place_of(*key), f"Shelf {key[1]}, bin {key[2]}", "bin", f"AW{key[0]}"] for key in sorted(bins)]
    assert (len(halls), len(places)) == (14, 753)
    assert load("locations", ["code", "name", "kind", "parent"], [*places, *halls])["stored"] == 767

    expected: dict[str, int] = defaultdict(int)
    first_place: dict[str, str] = {}
    for product, location, shelf, box, pieces, *_ in inventory:
        expected[f"AW{location}"] += int(pieces)
        first_place.setdefault(product, f"loc:{place_of(location, shelf, box)}")
    # Four of the 1,069 places are empty, and of nothing there is no posting.
    opening = [["opening", skus[row[0]], row[4], place_of(*row[1:4])] for row in inventory if row[4] != "0"]
    began = time.monotonic()
    answer = load("transactions", ["kind", "item", "quantity", "to_location"], opening)
    rates = {"opening balances by import": len(opening) / (time.monotonic() - began)}
    assert (len(inventory), answer["stored"]) == (1_069, 1_065)
    assert on_hand_by_location() == {code: pieces for code, pieces in expected.items() if pieces}
    assert levels_by_status(api) == {"available": "335974"}

    between = datetime.now(UTC).isoformat()
    wanted = receipts(skus, first_place)
    began = time.monotonic()
    for start in range(0, len(wanted), _PER_REQUEST):
        body = {"error_policy": "reject_all", "items": wanted[start : start + _PER_REQUEST]}
        sent = api.post("/ledger/transactions/batch", body)
        assert sent.status_code in {200, 201}, sent.content
    count = Counter(line["status"] for each in wanted for line in each["lines"])
    rates["receipts by POST"] = count.total() / (time.monotonic() - began)

    assert levels_by_status(api) == {"available": "2590573", "quarantine": "72700"}
    assert levels_by_status(api, as_of=between)["available"] == "335974"
    assert integrity() == []
    with capsys.disabled():
        print("\n" + "\n".join(f"{name}: {rate:.0f} lines/s" for name, rate in rates.items()))  # noqa: T201  (asked for)
