"""What Schemathesis is told of the rules that JSON Schema has no words for."""

from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import RejectedPositiveData

_UNKNOWN = "whether it exists, and for whom, is in the database"
_ITEM = "how it is tracked and counted is in the database"
_PLACE = "what kind of place it is, is in the database"
# The codes that a schema-valid request may be refused with, and why the schema can't say so. `invalid`, the code of a
# value that is not what the schema says, is never one of them.
BEYOND_SCHEMA = {
    "already_set_up": "what is set up is in the database",
    "ambiguous": "compares two fields",
    "archived": "archiving does not change the name",
    "bad_expiry": "compares with the clock",
    "cannot_be_invited": "whether somebody has an address is in the database",
    "ends_before_it_begins": "compares two fields, and one with now",
    "expires_before_made": "compares two fields",
    "idempotency_key_reused": "compares with earlier requests",
    "inexact_quantity": _ITEM,
    "invalid_cursor": "cursors are signed",
    "invalid_gtin": "the last digit is a checksum",
    "invalid_network": "how far a network reaches depends on its address",
    "issuer_not_allowed": "which hosts may be called without TLS is up to the stage",
    "location_kind": _PLACE,
    "lot_not_tracked": _ITEM,
    "lot_required": _ITEM,
    "metadata_url_not_allowed": "which hosts may be called is up to the stage",
    "not_for_passwords": "the kind of a provider is in the database",
    "not_for_this_kind": "which fields a provider has depends on its kind",
    "not_held": "what somebody holds is in the database",
    "not_whole": _ITEM,
    "one_subject": "one of two fields, either of which the schema lets be left out",
    "only_at_present": "compares two parameters",
    "openid_required": "what a list must contain",
    "repeated_system": "uniqueItems compares whole items, not one field of them",
    "same_place": "compares two fields",
    "secret_reference": "compares two fields",
    "serial_is_one_piece": _ITEM,
    "serial_not_tracked": _ITEM,
    "serial_required": _ITEM,
    "stale_version": "If-Match is compared with the version of the row",
    "unit_not_convertible": _ITEM,
    "unknown_group": _UNKNOWN,
    "unknown_item": _UNKNOWN,
    "unknown_location": _UNKNOWN,
    "unknown_lot": _UNKNOWN,
    "unknown_owner": _UNKNOWN,
    "unknown_permission": "the domains register them",
    "unknown_return_to": "where people may come back to is up to the deployment",
    "unknown_role": _UNKNOWN,
    "unknown_selector": "each noun has its own prefixes, and all of them one grammar",
    "unknown_serial": _UNKNOWN,
    "unknown_time_zone": "the names are in the time zone database",
    "unknown_unit": _UNKNOWN,
    "unknown_user": _UNKNOWN,
    "unusable_metadata": "an XML document in a text",
    "void_challenge": "challenges are signed",
    "void_link": "links are signed",
    "weak_password": "compared with lists of passwords and with the user's other fields",
    "wrong_code": "the code is that of an app, now",
    "wrong_passkey": "what a passkey signed is checked by its key",
}


# Settings of the other kind of provider, each of which is optional.
_SAML_ONLY = ("metadata", "metadata_url", "name_claim")
_keys_seen: set[str] = set()


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Take out what would be refused always, which would hide what becomes of the rest."""
    del context, kwargs
    _make_key_new(case)
    if case.operation.definition.raw.get("operationId") == "create_provider":
        _keep_to_kind(case)


def _keep_to_kind(case: Case[Any]) -> None:
    """Leave an OpenID provider without what only another one has, and without a secret where it needs none."""
    body = case.body
    is_valid = case.meta is not None and not case.meta.is_negative_at(ParameterLocation.BODY)
    if is_valid and isinstance(body, dict) and body.get("kind", "oidc") == "oidc":
        without = _SAML_ONLY if body.get("client_authentication") != "none" else (*_SAML_ONLY, "client_secret_ref")
        case.body = {name: value for name, value in body.items() if name not in without}


def _make_key_new(case: Case[Any]) -> None:
    """Make a repeated Idempotency-Key a new one."""
    key = case.headers.get("Idempotency-Key")
    if key is None or case.meta is None or case.meta.is_negative_at(ParameterLocation.HEADER):
        return
    if key in _keys_seen:
        case.headers["Idempotency-Key"] = f"fuzz-{len(_keys_seen)}"
    _keys_seen.add(case.headers["Idempotency-Key"])


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Keep a failure, unless a schema-valid request was refused by rules of `BEYOND_SCHEMA` alone."""
    del context, case
    if not isinstance(failure, RejectedPositiveData):
        return True
    body = response.json()
    return not all(map(_is_beyond_schema, body["errors"] or [body]))


def _is_beyond_schema(problem: dict[str, str]) -> bool:
    if problem["code"] == "required":
        # Which of its places a line must name depends on the kind of transaction, which settings a provider must have
        # on its own kind.
        return problem["pointer"].endswith(("_location", "/client_id", "/metadata", "/metadata_url"))
    return problem["code"] in BEYOND_SCHEMA
