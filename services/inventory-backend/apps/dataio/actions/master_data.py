"""Items and locations from a file: all of them or none."""

from collections.abc import Callable, Collection, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from django.db import transaction

from apps.catalog import actions as catalog_actions
from apps.catalog import queries as catalog
from apps.catalog.types import Tracking
from apps.common.errors import DomainError
from apps.dataio.csv_files import Row, Table
from apps.dataio.types import Options
from apps.locations import actions as location_actions
from apps.locations import permissions
from apps.locations import queries as locations
from apps.locations.types import LocationKind
from audit import Origin
from rbac import Grant, Grants, Scope

_EVERYTHING: Final = Grants((Grant(frozenset({permissions.VIEW}), location_id=None),))
_STEP: Final = 100


def create_items(table: Table, options: Options, origin: Origin) -> int:
    """Create an item for each row; whatever is wrong is noted in the table. Return 0: nothing is continued."""
    codes = {row.values["base_unit"] for row in table.rows if "base_unit" in row.values}
    units = {unit.code: unit for unit in catalog.units().filter(code__in=codes)}
    for row in table.rows:
        code = row.values.get("base_unit")
        if code is not None and code not in units:
            table.refuse(row.number, "base_unit", "unknown_unit", f"There is no unit {code!r}. Create it first.")
        _check_gtin(table, row)
    for column in ("sku", "gtin"):
        wanted = _distinct(table, column)
        found = catalog.find_items(f"{column}:{value}" for value in wanted)
        _refuse_taken(table, column, {selector.partition(":")[2] for selector in found})

    def create(row: Row) -> None:
        facts = {**row.values, "base_unit": units[row.values["base_unit"]]}
        facts["tracking"] = Tracking(facts.get("tracking", Tracking.NONE))
        catalog_actions.create_item(**facts, origin=origin)

    _create_all(table, table.sound_rows(), create, options)
    return 0


def create_locations(table: Table, options: Options, origin: Origin) -> int:
    """Create a location for each row, parents first, in whatever order the file has them."""
    codes, parents = _distinct(table, "code"), _distinct(table, "parent")
    known = {place.code: place for place in locations.locations(_EVERYTHING).filter(code__in=codes | parents)}
    _refuse_taken(table, "code", known.keys() & codes)
    for row in table.rows:
        parent = row.values.get("parent")
        if parent is not None and parent not in codes and parent not in known:
            detail = f"There is no location {parent!r}, neither in the file nor in the database."
            table.refuse(row.number, "parent", "unknown_location", detail)

    def create(row: Row) -> None:
        facts = {
            **row.values,
            "kind": LocationKind(row.values["kind"]),
            "parent": known.get(row.values.get("parent", "")),
        }
        place = location_actions.create_location(**facts, scope=Scope.all(), origin=origin)
        known[place.code] = place

    _create_all(table, _parents_first(table), create, options)
    return 0


def _check_gtin(table: Table, row: Row) -> None:
    if "gtin" in row.values:
        try:
            catalog_actions.checked_gtin(row.values["gtin"])
        except DomainError as refusal:
            table.refuse(row.number, "gtin", refusal.problems[0].code, refusal.detail)


def _distinct(table: Table, column: str) -> set[str]:
    return {row.values[column] for row in table.rows if column in row.values}


def _refuse_taken(table: Table, column: str, taken: Collection[str]) -> None:
    """Refuse a value that is in the database, and one that an earlier row has."""
    first: dict[str, int] = {}
    for row in table.rows:
        value = row.values.get(column)
        if value is None:
            continue
        if value in taken:
            table.refuse(row.number, column, "duplicate", f"{value!r} exists already. Take the row out.")
        elif value in first:
            table.refuse(row.number, column, "duplicate", f"{value!r} is in row {first[value]} already.")
        else:
            first[value] = row.number


def _parents_first(table: Table) -> list[Row]:
    by_code = {row.values["code"]: row for row in table.sound_rows()}
    above = {code: {row.values["parent"]} if "parent" in row.values else set() for code, row in by_code.items()}
    try:
        order = list(TopologicalSorter(above).static_order())
    except CycleError as cycle:
        path = cycle.args[1]
        row = by_code[path[0]]
        table.refuse(row.number, "parent", "cycle", "It would contain itself: " + " < ".join(path) + ".")
        return []
    return [by_code[code] for code in order if code in by_code]


def _create_all(table: Table, rows: Sequence[Row], create: Callable[[Row], Any], options: Options) -> None:
    """Create all or nothing; a file with faults is tried as well, to find the rest of them."""
    with transaction.atomic():
        for done, row in enumerate(rows, start=1):
            try:
                create(row)
            except DomainError as refusal:
                field = refusal.problems[0].pointer.rpartition("/")[2] if refusal.problems else ""
                table.refuse(row.number, field, refusal.code, refusal.detail)
            if done % _STEP == 0 or done == len(rows):
                options.progress(done, len(rows))
        if table.faults or options.is_dry_run:
            transaction.set_rollback(True)
