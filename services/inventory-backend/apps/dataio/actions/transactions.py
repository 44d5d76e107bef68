"""Stock transactions from a file: rehearsed whole, then posted in chunks that a second run does not repeat."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db import transaction

from apps.catalog import queries as catalog
from apps.common.errors import Conflict, DomainError, Invalid
from apps.common.retries import Answer, once
from apps.common.selectors import Selectors
from apps.dataio.csv_files import Row, Table
from apps.dataio.types import Options
from apps.ledger.actions import post_batch
from apps.ledger.types import Draft, DraftLine, ErrorPolicy, Status, TransactionKind
from apps.locations import queries as locations
from audit import Origin
from rbac import Scope

LINES_PER_CHUNK: Final = 1_000
_POINTER: Final = re.compile(r"#/items/(\d+)(?:/lines/(\d+))?/(\w+)")
_DONE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """Transactions that are posted together; `rows[i][j]` is the row of line j of draft i."""

    drafts: Sequence[Draft]
    rows: Sequence[Sequence[int]]

    @property
    def size(self) -> int:
        return sum(len(rows) for rows in self.rows)


def post_transactions(table: Table, options: Options, origin: Origin) -> int:
    """Post the rows; return how many of them an earlier run of the same file had posted.

    Rows that share kind, reference, effective_at and reason are one transaction; a row without a reference is its own.
    """
    _refuse_unknown(table)
    chunks = list(_chunks(_transactions(table.sound_rows())))
    with transaction.atomic():
        # What stock or a closed period forbids shows only in posting: nothing is kept until all of it would go well.
        _rehearse(table, chunks, origin)
        transaction.set_rollback(True)
    if table.faults or options.is_dry_run:
        return 0
    done = already = 0
    for number, chunk in enumerate(chunks):
        is_replayed = _post(table, number, chunk, origin)
        done += chunk.size
        already += chunk.size if is_replayed else 0
        options.progress(done, len(table.rows))
    return already


def _refuse_unknown(table: Table) -> None:
    """Look up what the rows name, those with other faults too; the ledger finds one fault in a line."""
    everywhere = Scope.all()
    units = _named(table, "unit")
    _refuse_missing(table, "unit", units, catalog.units_by_code(units))
    items = _named(table, "item", catalog.ITEM_SELECTORS, "sku")
    _refuse_missing(table, "item", items, catalog.find_items(items))
    for column in ("from_location", "to_location"):
        places = _named(table, column, locations.SELECTORS, "loc")
        _refuse_missing(table, column, places, locations.find_locations(places, scope=everywhere))


def _named(table: Table, column: str, selectors: Selectors | None = None, prefix: str = "") -> dict[str, list[int]]:
    """Return the rows that name a thing, by its selector."""
    named: dict[str, list[int]] = {}
    for row in table.rows:
        if column in row.values:
            text = row.values[column]
            selector = _selector(text, selectors, prefix) if selectors else text
            named.setdefault(selector, []).append(row.number)
    return named


def _refuse_missing(table: Table, column: str, named: Mapping[str, Iterable[int]], found: Mapping[str, object]) -> None:
    noun = column.removeprefix("from_").removeprefix("to_")
    for selector in named.keys() - found.keys():
        for row in named[selector]:
            table.refuse(row, column, f"unknown_{noun}", f"There is no {noun} {selector[:80]}. Create it first.")


def _selector(text: str, selectors: Selectors, prefix: str) -> str:
    """Return `text` as a selector: people write the bare code."""
    return text if selectors.understands(text) else f"{prefix}:{text}"


def _transactions(rows: Sequence[Row]) -> list[list[Row]]:
    grouped: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        facts = row.values
        name = facts.get("reference", row.number)
        grouped.setdefault((facts["kind"], name, facts.get("effective_at"), facts.get("reason")), []).append(row)
    return list(grouped.values())


def _chunks(groups: Iterable[list[Row]]) -> Iterator[_Chunk]:
    """Cut at whole transactions; one with more lines than a chunk is a chunk of its own."""
    chunk: list[list[Row]] = []
    lines = 0
    for group in groups:
        if chunk and lines + len(group) > LINES_PER_CHUNK:
            yield _chunk(chunk)
            chunk, lines = [], 0
        chunk.append(group)
        lines += len(group)
    if chunk:
        yield _chunk(chunk)


def _chunk(groups: Sequence[list[Row]]) -> _Chunk:
    return _Chunk(drafts=[_draft(group) for group in groups], rows=[[row.number for row in group] for group in groups])


def _draft(group: Sequence[Row]) -> Draft:
    facts = group[0].values
    return Draft(
        kind=TransactionKind(facts["kind"]),
        lines=[_line(row.values) for row in group],
        effective_at=facts.get("effective_at"),
        reason=facts.get("reason", ""),
        reference=facts.get("reference", ""),
    )


def _line(facts: Mapping[str, Any]) -> DraftLine:
    source, target = facts.get("from_location"), facts.get("to_location")
    return DraftLine(
        item=_selector(facts["item"], catalog.ITEM_SELECTORS, "sku"),
        quantity=Decimal(facts["quantity"]),
        from_location=source and _selector(source, locations.SELECTORS, "loc"),
        to_location=target and _selector(target, locations.SELECTORS, "loc"),
        unit=facts.get("unit"),
        lot=facts.get("lot"),
        serial=facts.get("serial"),
        status=facts.get("status", Status.AVAILABLE),
    )


def _rehearse(table: Table, chunks: Sequence[_Chunk], origin: Origin) -> None:
    """Post everything, to be rolled back; what is wrong is noted in the table.

    Stock that is short because of an earlier fault would be no news, so conflicts count only in a file without any.
    """
    for number, chunk in enumerate(chunks):
        try:
            _post(table, number, chunk, origin)
        except Invalid as refusal:
            _refuse(table, chunk, refusal)
        except Conflict as refusal:
            if not table.faults:
                _refuse(table, chunk, refusal)
                return


def _refuse(table: Table, chunk: _Chunk, refusal: DomainError) -> None:
    for problem in refusal.problems:
        if match := _POINTER.fullmatch(problem.pointer):
            draft, line, name = match.groups()
            table.refuse(chunk.rows[int(draft)][int(line or 0)], name, problem.code, problem.detail)


def _post(table: Table, number: int, chunk: _Chunk, origin: Origin) -> bool:
    """Post a chunk unless an earlier run did; return whether one had."""

    def act() -> Answer:
        post_batch(chunk.drafts, policy=ErrorPolicy.REJECT_ALL, scope=Scope.all(), origin=origin)
        return Answer(status=_DONE, body=b"")

    fingerprint = hashlib.sha256(repr(chunk).encode()).digest()
    answer = once(key=f"{table.sha256} {number}", scope="import transactions", fingerprint=fingerprint, act=act)
    return answer.is_replayed
