"""The API does not change unless somebody says so."""

import json
from typing import Any

from openapi_spec_validator import validate

from tests.schema import GOLDEN, current

# Whoever adds a route that needs no token adds it here as well.
PUBLIC = {
    "GET /api/v1/identity/jwks",
    "POST /api/v1/identity/invitations/accept",
    "POST /api/v1/identity/password/reset",
    "POST /api/v1/identity/password/reset/confirm",
    "POST /api/v1/identity/second-factor/passkey",
    "POST /api/v1/identity/session",
    "POST /api/v1/identity/session/second-factor",
    "GET /api/v1/identity/providers/enabled",
    "POST /api/v1/identity/token",
    "POST /api/v1/identity/token/hand-over",
    "POST /api/v1/identity/token/refresh",
    "POST /api/v1/identity/token/revoke",
    "POST /api/v1/identity/token/second-factor",
}


def _document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(current())
    return found


def test_the_golden_document_is_current() -> None:
    assert GOLDEN.read_text(encoding="utf-8") == current(), "If this is meant: python -m tests.schema --write"


def test_the_document_is_valid_openapi_3_1() -> None:
    document = _document()
    assert document["openapi"].startswith("3.1.")
    validate(document)


def test_only_these_routes_need_no_token() -> None:
    document = _document()
    found = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if {} in operation.get("security", document.get("security", [{}])) or operation.get("security") == []
    }
    assert found == PUBLIC
