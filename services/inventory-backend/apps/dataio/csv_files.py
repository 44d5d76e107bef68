"""Reading a CSV file (RFC 4180, UTF-8) cell by cell: whatever is wrong is told by row and column, all at once.

Rows are counted as a spreadsheet counts them: the header is row 1.
"""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import EnumType
from typing import Any, Final, get_args

import msgspec

LARGEST_CELL: Final = 10_000
# The module's own limit, one for the whole process, would end the reading at the first large cell; ours is told like
# every other fault.
csv.field_size_limit(2**31 - 1)
# What a spreadsheet would run when somebody opens the file (OWASP, CSV injection).
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_FIRST_CONTROL_AFTER_ASCII: Final = range(0x7F, 0xA0)
_UNDECODABLE: Final = range(0xDC80, 0xDD00)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that a file may have; `kind` is a field type of the API, which says what a cell may hold."""

    name: str
    kind: Any
    is_required: bool = False
    is_number: bool = False
    hint: str = ""

    def value(self, cell: str) -> Any:
        """Return the value that `cell` spells; raises `msgspec.ValidationError`."""
        return msgspec.convert(cell, self.kind)

    def wanted(self) -> str:
        """Return what a cell may hold, in words."""
        if self.hint:
            return self.hint
        if isinstance(self.kind, EnumType):
            return "one of " + ", ".join(self.kind.__members__.values())
        return str(get_args(self.kind)[1].extra["hint"])


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong with a file; `column` is empty where the whole row is meant."""

    row: int
    column: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record; `values` holds the cells that are filled in and valid, by the name of their column."""

    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Table:
    """What a file says, and what is wrong with it so far."""

    rows: Sequence[Row]
    sha256: str
    headers: Mapping[str, str]
    faults: list[Fault] = field(default_factory=list)

    def refuse(self, row: int, column: str, code: str, detail: str) -> None:
        """Note a fault under the name that the column has in the file."""
        self.faults.append(Fault(row, self.headers.get(column, column), code, detail))

    def sound_rows(self) -> list[Row]:
        """Return the rows without a fault."""
        faulty = {fault.row for fault in self.faults}
        return [row for row in self.rows if row.number not in faulty]


def read(data: bytes, *, columns: Sequence[Column], renames: Mapping[str, str]) -> Table:
    """Return the rows of a file; `renames` maps its headers to the names of our columns."""
    text = data.decode("utf-8-sig", errors="surrogateescape")
    records = enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), start=1)
    faults: list[Fault] = []
    rows: list[Row] = []
    wanted: list[Column | None] = []
    header: list[str] = []
    number = 0
    try:
        number, header = next(records, (1, []))
        wanted = _header(header, columns, renames, faults)
        for number, cells in records:
            if not cells:
                continue
            if len(cells) != len(header):
                detail = f"It has {len(cells)} cells and the header has {len(header)}. Quote cells that hold a comma."
                faults.append(Fault(number, "", "cell_count", detail))
                continue
            rows.append(Row(number=number, values=dict(_values(number, cells, header, wanted, faults))))
    except csv.Error as error:
        faults.append(Fault(number + 1, "", "not_csv", f"From here on it is no CSV: {error}. Check the quotes."))
    names = {column.name: name for column, name in zip(wanted, header, strict=True) if column}
    return Table(rows=rows, sha256=hashlib.sha256(data).hexdigest(), headers=names, faults=faults)


def _header(
    header: Sequence[str], columns: Sequence[Column], renames: Mapping[str, str], faults: list[Fault]
) -> list[Column | None]:
    """Return for each header the column that it means."""
    known = {column.name: column for column in columns}
    names = [renames.get(name, name) for name in header]
    for name, meant in zip(header, names, strict=True):
        if meant not in known:
            near = get_close_matches(meant, known, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
            faults.append(Fault(1, _shown(name), "unknown_column", f"{_shown(meant)!r} is no column. {hint}"))
    for meant, count in Counter(names).items():
        if count > 1:
            faults.append(Fault(1, _shown(meant), "duplicate_column", f"It is there {count} times. Keep one."))
    faults.extend(
        Fault(1, name, "missing_column", "--map names it, but the file does not have it.")
        for name in sorted(renames.keys() - set(header))
    )
    for name, column in known.items():
        if column.is_required and name not in names:
            faults.append(Fault(1, name, "missing_column", "The file needs it. Name the one that holds it with --map."))
    return [known.get(name) for name in names]


def _values(
    number: int,
    cells: Sequence[str],
    header: Sequence[str],
    wanted: Sequence[Column | None],
    faults: list[Fault],
) -> Iterator[tuple[str, Any]]:
    for cell, name, column in zip(cells, header, wanted, strict=True):
        if column is None or (not cell and not column.is_required):
            continue
        wrong = _wrong(cell, column)
        if wrong is None:
            try:
                yield column.name, column.value(cell)
                continue
            except msgspec.ValidationError:
                wrong = "invalid", f"{_shown(cell)!r} is not valid here: send {column.wanted()}."
        faults.append(Fault(number, name, *wrong))


def _wrong(cell: str, column: Column) -> tuple[str, str] | None:
    """Return the code and the words for a cell that no column takes."""
    if not cell:
        return "required", f"Fill it in: {column.wanted()}."
    if any(ord(char) in _UNDECODABLE for char in cell):
        return "wrong_encoding", f"{_shown(cell)!r} is not UTF-8. Save the file as CSV UTF-8."
    if len(cell.encode()) > LARGEST_CELL:
        return "cell_too_large", f"It holds {len(cell.encode())} bytes; {LARGEST_CELL} are allowed."
    if not column.is_number and cell.startswith(_FORMULA_STARTS):
        return "formula", f"{_shown(cell)!r} would run as a formula in a spreadsheet. Take its first character away."
    for char in cell:
        if ord(char) < ord(" ") or ord(char) in _FIRST_CONTROL_AFTER_ASCII:
            return "control_character", f"It holds the control character U+{ord(char):04X}. Take it out."
    return None


def _shown(text: str) -> str:
    """Return the beginning of a cell, with bytes that are no UTF-8 in hexadecimal."""
    return text[:80].encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")
