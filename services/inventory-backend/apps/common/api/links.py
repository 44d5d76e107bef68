"""OpenAPI links: which operations take the id of what an operation has just made."""

import re
from typing import Any


def add_links(document: dict[str, Any]) -> None:
    """Link each POST that answers 201 with an id to the operations on that one thing, in place.

    They are those one path parameter below: `/items` links to `/items/{selector}` and `/items/{selector}/archive`.
    """
    paths: dict[str, dict[str, Any]] = document["paths"]
    for path, methods in paths.items():
        made = methods.get("post", {}).get("responses", {}).get("201")
        if made is None or "id" not in _properties(document, made):
            continue
        below = re.compile(re.escape(path) + r"/\{(\w+)\}(?:/[a-z]+)?")
        made["links"] = {
            operation["operationId"]: _link(operation, match[1])
            for other, operations in paths.items()
            if (match := below.fullmatch(other))
            for operation in operations.values()
        }


def _properties(document: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    reference: str = response["content"]["application/json"]["schema"]["$ref"]
    found: dict[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]]["properties"]
    return found


def _link(operation: dict[str, Any], parameter: str) -> dict[str, Any]:
    values = {f"path.{parameter}": "$response.body#/id"}
    if any(known["name"] == "If-Match" and known.get("required") for known in operation["parameters"]):
        values["header.If-Match"] = "$response.header.ETag"
    return {"operationId": operation["operationId"], "parameters": values}
