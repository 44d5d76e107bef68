"""`fields=` and `expand=`: which part of an answer is shown, and which stubs are filled in (api.md 10)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from apps.common.errors import Invalid


class ShownQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """What every read takes."""

    fields: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    expand: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class Expansion:
    """How a stub becomes a whole `kind`: `fetch` takes ids and returns the shapes by id, with one query."""

    kind: type[Struct]
    fetch: Callable[[Sequence[str]], Mapping[str, Struct]]
    nested: "Mapping[str, Expansion]" = field(default_factory=dict)


type Expansions = Mapping[str, Expansion]


def shown(query: ShownQuery, shapes: Sequence[Struct], kind: type[Struct], expansions: Expansions) -> Sequence[Any]:
    """Return `shapes` as asked for: whole, with stubs expanded, or only some top-level fields of them.

    Raises `Invalid` for a field or an expansion that does not exist, naming the nearest.
    """
    if query.fields is UNSET and query.expand is UNSET:
        return shapes
    plain: list[dict[str, Any]] = [msgspec.to_builtins(shape) for shape in shapes]
    if not isinstance(query.expand, UnsetType):
        for path in sorted(query.expand.split(",")):  # what is nested comes after what it is nested in
            _expand(plain, path.split("."), expansions)
    if isinstance(query.fields, UnsetType):
        return plain
    wanted = query.fields.split(",")
    for name in wanted:
        _known("?fields", name, list(kind.__struct_fields__))
    return [{name: row[name] for name in wanted if name in row} for row in plain]


def _expand(rows: list[dict[str, Any]], path: list[str], expansions: Expansions) -> None:
    name, deeper = path[0], path[1:]
    _known("?expand", name, list(expansions))
    expansion = expansions[name]
    stubs = [row for row in rows if isinstance(row.get(name), dict)]
    whole = expansion.fetch(sorted({row[name]["id"] for row in stubs}))
    for row in stubs:
        found = whole.get(row[name]["id"])
        if found is not None:
            row[name] = msgspec.to_builtins(found)
    if deeper:
        _expand([row[name] for row in stubs], deeper, expansion.nested)


def _known(pointer: str, name: str, known: list[str]) -> None:
    if name in known:
        return
    near = get_close_matches(name, known, n=1, cutoff=0.4)
    choices = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(known)) or 'none'}."
    raise Invalid.at(pointer, "unknown_parameter", f"{name[:64]!r} is not known here. {choices}")
