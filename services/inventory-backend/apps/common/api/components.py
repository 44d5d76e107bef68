"""The wire shapes that the OpenAPI document refers to, and what `fields=` and `expand=` make of them."""

from typing import Any

import msgspec

from apps.common.api.errors import ProblemDetails
from apps.common.api.pages import Listing
from apps.common.api.shown import Expansion, Expansions

_REF = "#/components/schemas/{name}"
_kinds: dict[Any, None] = {ProblemDetails: None}
_listings: dict[str, Listing[Any, Any]] = {}


def reference(kind: Any) -> dict[str, Any]:
    """Return the schema of a wire shape, or of any other type; a shape becomes part of `components`."""
    _kinds[kind] = None
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return schema


def shown_reference(listing: Listing[Any, Any]) -> dict[str, Any]:
    """Return the schema of one answer of a listing: whole, or as `fields=` and `expand=` ask for it."""
    whole = reference(listing.kind)
    name = listing.kind.__name__
    _listings[name] = listing
    return {"anyOf": [whole, {"$ref": _REF.format(name=f"Shown{name}")}]}


def components() -> dict[str, Any]:
    """Return the schemas of everything that was referred to, by name."""
    schemas: dict[str, Any] = msgspec.json.schema_components(list(_kinds), ref_template=_REF)[1]
    for name, listing in _listings.items():
        schemas[f"Shown{name}"] = {
            "title": f"Shown{name}",
            "description": f"{name} as `fields` and `expand` ask for it.",
            **_shown(schemas, name, listing.expansions),
        }
        if (page := schemas.get(f"Page_{name}_")) is not None:
            page["properties"]["results"]["items"] = shown_reference(listing)
    return dict(sorted(schemas.items()))


def _shown(schemas: dict[str, Any], name: str, expansions: Expansions) -> dict[str, Any]:
    properties = dict(schemas[name]["properties"])
    for field, expansion in expansions.items():
        properties[field] = {"anyOf": [properties[field], _expanded(schemas, expansion)]}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _expanded(schemas: dict[str, Any], expansion: Expansion) -> dict[str, Any]:
    name = expansion.kind.__name__
    return {**_shown(schemas, name, expansion.nested), "required": schemas[name]["required"]}
