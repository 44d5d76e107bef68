"""Importing a file: it is read whole, judged whole, and refused with everything that is wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apps.common.errors import DomainError, Problem
from apps.dataio import csv_files
from apps.dataio.actions.columns import ITEMS, LOCATIONS, TRANSACTIONS
from apps.dataio.actions.master_data import create_items, create_locations
from apps.dataio.actions.transactions import post_transactions
from apps.dataio.csv_files import Column, Fault, Table
from apps.dataio.types import Options
from audit import Origin


class FileRefused(DomainError):
    """Nothing of the file was stored."""

    code = "file_refused"
    title = "Nothing was imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a file brought: `rows` in it, of which `already` were stored by an earlier run."""

    rows: int
    already: int
    sha256: str


_NOUNS: Final[Mapping[str, tuple[Sequence[Column], Callable[[Table, Options, Origin], int]]]] = {
    "items": (ITEMS, create_items),
    "locations": (LOCATIONS, create_locations),
    "transactions": (TRANSACTIONS, post_transactions),
}
NOUNS: Final = tuple(_NOUNS)


def import_file(noun: str, data: bytes, *, renames: Mapping[str, str], options: Options, origin: Origin) -> Imported:
    """Store what a CSV file holds (`items`, `locations` or `transactions`), or with `is_dry_run` only judge it.

    Items and locations are stored in one transaction; stock transactions in chunks, so that a run that was cut off is
    continued by running the same file again.

    Raises `FileRefused`, which names every row and column that is wrong.
    """
    columns, store = _NOUNS[noun]
    table = csv_files.read(data, columns=columns, renames=renames)
    already = store(table, options, origin)
    if table.faults:
        problems = [_problem(fault) for fault in sorted(set(table.faults))]
        raise FileRefused(
            f"The file has {len(problems)} faults." if len(problems) > 1 else "The file has a fault.", problems
        )
    return Imported(rows=len(table.rows), already=already, sha256=table.sha256)


def _problem(fault: Fault) -> Problem:
    place = f"row {fault.row}, column {fault.column}" if fault.column else f"row {fault.row}"
    return Problem(pointer=place, code=fault.code, detail=fault.detail)
