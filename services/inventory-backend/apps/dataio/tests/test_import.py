"""The command on files that are right and on files that are wrong in every way that people have thought of."""

import contextlib
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.catalog.models import Item
from apps.common.db import rows
from apps.common.quantities import text_of
from apps.dataio.actions import import_file
from apps.dataio.types import Options
from apps.ledger.queries import integrity
from apps.locations.models import Location
from audit import Origin
from tests.world import World

type Import = Callable[..., dict[str, Any]]


@pytest.fixture
def run(world: World, tmp_path: Path) -> Import:
    def run_import(noun: str, content: str | bytes, *options: str) -> dict[str, Any]:
        file = tmp_path / "file.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        out = StringIO()
        with contextlib.suppress(CommandError):
            call_command("import", noun, str(file), "--json", *options, stdout=out, stderr=StringIO())
        answer: dict[str, Any] = json.loads(out.getvalue())
        return answer

    return run_import


def faults(answer: dict[str, Any]) -> list[tuple[str, str]]:
    assert answer["error"]["code"] == "file_refused"
    return [(each["pointer"], each["code"]) for each in answer["error"]["problems"]]


def state() -> tuple[object, ...]:
    """Everything that an import may change."""
    tables = ("catalog_item", "locations_location", "ledger_transaction", "ledger_balance", "common_retried_request")
    counts = [rows(f"SELECT count(*) FROM {table}", [])[0][0] for table in tables]
    return (*counts, *rows("SELECT count(*) FROM audit_event", [])[0])


def on_hand() -> dict[str, str]:
    sql = "SELECT l.code, sum(on_hand) FROM ledger_balance JOIN locations_location l ON l.id = location_id GROUP BY 1"
    return {code: text_of(total) for code, total in rows(sql, [])}


def test_items_are_created(run: Import) -> None:
    content = "\ufeffsku,name,base_unit,tracking,gtin\nNUT,Nut,ea,,\nTEA,Tea,kg,lot,4006381333931\n"

    answer = run("items", content)

    assert (answer["rows"], answer["stored"]) == (2, 2)
    tea = Item.objects.get(sku="TEA")
    assert (tea.tracking, tea.base_unit.code, tea.gtin) == ("lot", "kg", "04006381333931")


def test_places_are_created_parents_first(run: Import) -> None:
    answer = run(
        "locations", "Place,name,kind,parent\nC1,Bin,bin,C\nC,Hall,warehouse,\nA9,Bin,bin,A\n", "--map", "Place=code"
    )

    assert answer["stored"] == 3
    parents = dict(Location.objects.filter(code__in=["C1", "C", "A9"]).values_list("code", "parent__code"))
    assert parents == {"C1": "C", "C": None, "A9": "A"}
    depth = "SELECT max(depth) FROM locations_location_closure c JOIN locations_location l ON l.id = descendant_id"
    assert rows(depth + " WHERE l.code = 'C1'", []) == [(1,)]


def test_transactions_are_posted_once(run: Import) -> None:
    content = (
        "kind,item,quantity,unit,from_location,to_location,lot,reference\n"
        "receipt,BOLT,10,,,A1,,R1\n"
        "receipt,COFFEE,2,case,,A2,L1,R1\n"
        "transfer,sku:BOLT,4,,A1,B1,,\n"
    )

    first, second = run("transactions", content), run("transactions", content)

    assert (first["stored"], first["already"], second["stored"], second["already"]) == (3, 0, 0, 3)
    assert on_hand() == {"A1": "6", "A2": "25", "B1": "4"}
    assert rows("SELECT count(*) FROM ledger_transaction", []) == [(2,)]
    assert integrity() == []


def test_a_run_that_was_cut_off_goes_on(run: Import) -> None:
    content = "kind,item,quantity,to_location\n" + "receipt,BOLT,1,A1\n" * 2_500

    def cut_off(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(
            "transactions",
            content.encode(),
            renames={},
            options=Options(progress=cut_off),
            origin=Origin.system(at=timezone.now(), request_id="import"),
        )
    assert on_hand() == {"A1": "1000"}

    answer = run("transactions", content)

    assert (answer["stored"], answer["already"]) == (1_500, 1_000)
    assert on_hand() == {"A1": "2500"}


@pytest.mark.parametrize(
    ("noun", "content"),
    [
        ("items", "sku,name,base_unit\nNUT,Nut,ea\n"),
        ("locations", "code,name,kind\nC,Hall,warehouse\n"),
        ("transactions", "kind,item,quantity,to_location\nreceipt,BOLT,1,A1\n"),
    ],
)
def test_a_dry_run_stores_nothing(run: Import, noun: str, content: str) -> None:
    before = state()

    answer = run(noun, content, "--dry-run")

    assert (answer["rows"], answer["stored"], answer["dry_run"]) == (1, 0, True)
    assert state() == before


_ITEMS = b"sku,name,base_unit\n"
_MOVES = b"kind,item,quantity,from_location,to_location\n"


@pytest.mark.parametrize(
    ("noun", "content", "expected"),
    [
        (
            "items",
            b"sku,nmae,base_unit\n",
            [("row 1, column name", "missing_column"), ("row 1, column nmae", "unknown_column")],
        ),
        ("items", b"sku,name,name,base_unit\n", [("row 1, column name", "duplicate_column")]),
        ("items", b"", [(f"row 1, column {name}", "missing_column") for name in ("base_unit", "name", "sku")]),
        ("items", _ITEMS + b"NUT,Nut\n", [("row 2", "cell_count")]),
        ("items", _ITEMS + b"NUT,,ea\n", [("row 2, column name", "required")]),
        ("items", _ITEMS + b"NUT,N\0t,ea\n", [("row 2, column name", "control_character")]),
        ("items", _ITEMS + b'NUT,"N\nt",ea\n', [("row 2, column name", "control_character")]),
        ("items", _ITEMS + b"NUT,N\xfct,ea\n", [("row 2, column name", "wrong_encoding")]),
        ("items", _ITEMS + b"NUT," + b"n" * 1_000_000 + b",ea\n", [("row 2, column name", "cell_too_large")]),
        ("items", _ITEMS + b'NUT,"Nut,ea\n', [("row 2", "not_csv")]),
        *(
            ("items", _ITEMS + b"NUT,%cSUM(A1),ea\n" % start, [("row 2, column name", "formula")])
            for start in b"=+-@\t"
        ),
        ("items", _ITEMS + b"NUT,Nut,bucket\n", [("row 2, column base_unit", "unknown_unit")]),
        ("items", _ITEMS + b"BOLT,Bolt,ea\n", [("row 2, column sku", "duplicate")]),
        ("items", _ITEMS + b"NUT,Nut,ea\nNUT,Nut,ea\n", [("row 3, column sku", "duplicate")]),
        ("items", b"sku,name,base_unit,gtin\nNUT,Nut,ea,4006381333932\n", [("row 2, column gtin", "invalid_gtin")]),
        ("items", b"sku,name,base_unit,tracking\nTEA,Tea,kg,serial\n", [("row 2, column base_unit", "not_whole")]),
        ("locations", b"code,name,kind,parent\nC,C,bin,D\nD,D,bin,C\n", [("row 2, column parent", "cycle")]),
        ("locations", b"code,name,kind,parent\nC,C,bin,X\n", [("row 2, column parent", "unknown_location")]),
        ("locations", b"code,name,kind\nC,C,supplier\n", [("row 2, column kind", "invalid")]),
        ("transactions", _MOVES + b"receipt,BOLT,-5,,A1\n", [("row 2, column quantity", "invalid")]),
        ("transactions", _MOVES + b"receipt,BOLT,1e3,,A1\n", [("row 2, column quantity", "invalid")]),
        ("transactions", _MOVES + b"receipt,BOLT,1.5,,A1\n", [("row 2, column quantity", "not_whole")]),
        ("transactions", _MOVES + b"reversal,BOLT,1,,A1\n", [("row 2, column kind", "invalid")]),
        ("transactions", _MOVES + b"receipt,BLOT,1,,A1\n", [("row 2, column item", "unknown_item")]),
        (
            "transactions",
            _MOVES + b"transfer,BLOT,x,X,Y\n",
            [
                ("row 2, column from_location", "unknown_location"),
                ("row 2, column item", "unknown_item"),
                ("row 2, column quantity", "invalid"),
                ("row 2, column to_location", "unknown_location"),
            ],
        ),
        (
            "transactions",
            _MOVES + b"receipt,BOLT,5,,A1\nshipment,BOLT,6,A1,\n",
            [("row 3, column quantity", "insufficient_stock")],
        ),
    ],
)
def test_a_wrong_file_is_refused_with_every_fault(
    run: Import, noun: str, content: bytes, expected: list[tuple[str, str]]
) -> None:
    before = state()

    assert faults(run(noun, content)) == expected
    assert state() == before


def test_all_faults_of_all_rows_are_told_at_once(run: Import) -> None:
    content = "sku,name,base_unit\nNUT,=1+1,bucket\nBOLT,Bolt,ea\nGOOD,Good,ea\nBAD SKU,Bad\n,x,ea\n"
    before = state()

    assert faults(run("items", content)) == [
        ("row 2, column base_unit", "unknown_unit"),
        ("row 2, column name", "formula"),
        ("row 3, column sku", "duplicate"),
        ("row 5", "cell_count"),
        ("row 6, column sku", "required"),
    ]
    assert state() == before


def test_faults_name_the_columns_as_the_file_does(run: Import) -> None:
    answer = run("items", "Artikel,name,base_unit\nB OLT,Bolt,ea\n", "--map", "Artikel=sku")

    assert faults(answer) == [("row 2, column Artikel", "invalid")]
