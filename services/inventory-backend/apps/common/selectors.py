"""Naming a thing in a request: by id, by its own code, or by its name in another system (api.md 2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.common.errors import Invalid

_UUID_LENGTH = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Selectors:
    """How one noun can be named.

    `codes` maps a prefix such as `sku` to a column; `system_ref` says whether `ext:<system>:<id>` is understood.
    A prefix in `widths` names numbers that are kept with leading zeros up to that width.
    """

    noun: str
    codes: Mapping[str, str]
    has_refs: bool = False
    widths: Mapping[str, int] = field(default_factory=dict)

    def find[Row](self, rows: QuerySet[Any, Row], wanted: Iterable[str]) -> dict[str, Row]:
        """Return those of `rows` that `wanted` names, by selector, with one query for each kind of selector in use.

        `rows` must be models. What does not exist, or is not among `rows`, is left out.

        Raises `Invalid` for a text that is no selector.
        """
        found: dict[str, Row] = {}
        for column, values in self.grouped(wanted).items():
            if column == "ext":
                found |= self._by_ref(rows, values)
                continue
            matches = rows.filter(**{f"{column}__in": list(values)})
            found |= {values[str(getattr(row, column))]: row for row in matches}
        return found

    def grouped(self, wanted: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return `{column: {value: selector}}`; raises `Invalid` for a text that is no selector."""
        columns: dict[str, dict[str, str]] = {}
        for selector in wanted:
            column, value = self.parse(selector)
            columns.setdefault(column, {})[value] = selector
        return columns

    def parse(self, selector: str) -> tuple[str, str]:
        """Return the column (or `ext`) and the value that a selector names.

        Raises `Invalid` where it is neither an id nor one of this noun's selectors.
        """
        prefix, colon, value = selector.partition(":")
        if "\0" in selector:  # no name has one, and PostgreSQL refuses the text as such
            prefix, colon = "", ":"
        if colon and prefix in self.codes:
            return self.codes[prefix], value.zfill(self.widths.get(prefix, 0))
        if self.has_refs and prefix == "ext" and ":" in value:
            return "ext", value
        if not colon and len(selector) == _UUID_LENGTH:
            try:
                return "id", str(UUID(selector))
            except ValueError:
                pass
        raise Invalid.at("#", "unknown_selector", f"{selector[:80]!r} names no {self.noun}. Send {self.forms()}.")

    def one[Row](self, rows: QuerySet[Any, Row], selector: str, *, pointer: str) -> Row:
        """Return the one of `rows` that a request names at `pointer`; raises `Invalid` where there is none."""
        if not self.understands(selector):
            text = f"{selector[:80]!r} names no {self.noun}. Send {self.forms()}."
            raise Invalid.at(pointer, "unknown_selector", text)
        found = self.find(rows, [selector])
        if selector not in found:
            raise Invalid.at(pointer, f"unknown_{self.noun}", f"There is no {self.noun} {selector[:80]}.")
        return found[selector]

    def understands(self, text: str) -> bool:
        """Tell whether `text` is a selector of this noun at all."""
        try:
            self.parse(text)
        except Invalid:
            return False
        return True

    def forms(self) -> str:
        """Return the accepted spellings, for an error's hint."""
        forms = ["its id", *(f"{prefix}:..." for prefix in self.codes)]
        if self.has_refs:
            forms.append("ext:<system>:<id>")
        return " or ".join(forms)

    def _by_ref[Row](self, rows: QuerySet[Any, Row], values: Mapping[str, str]) -> dict[str, Row]:
        pairs = [value.partition(":") for value in values]
        matches = rows.filter(
            refs__system__in={system for system, _, _ in pairs}, refs__value__in={value for _, _, value in pairs}
        ).prefetch_related("refs")
        return {
            values[name]: row
            for row in matches
            for ref in row.refs.all()  # type: ignore[attr-defined]  # only nouns with refs come here
            if (name := f"{ref.system}:{ref.value}") in values
        }
