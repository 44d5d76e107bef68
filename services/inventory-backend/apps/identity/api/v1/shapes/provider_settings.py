"""What is stored of a provider, from what somebody sent of it: each kind has its own settings."""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

import configs
from apps.common.errors import Invalid
from apps.common.outbound import OutboundFailed, outbound
from apps.identity.providers import saml
from apps.identity.providers.oidc.settings import OidcSettings
from apps.identity.providers.saml.settings import SamlSettings

_METADATA: Final = ("metadata_url", "metadata")
_OIDC_ONLY: Final = sorted(set(OidcSettings.__struct_fields__) - set(SamlSettings.__struct_fields__))
_SAML_ONLY: Final = ("metadata", "metadata_url", "name_claim")


def settings_in(body: Struct, before: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the settings of a provider of this kind as a body leaves them.

    Raises `Invalid` for an address that may not be called, for metadata that cannot be used, for a secret that is
    missing or too much, and for what belongs to another kind.
    """
    return _saml(body, before) if kind == "saml" else _oidc(body, before)


def _oidc(body: Struct, before: dict[str, Any]) -> dict[str, Any]:
    _refuse_foreign(body, _SAML_ONLY, "SAML")
    given = {"username_claim": "preferred_username"} | before | _given(body, OidcSettings.__struct_fields__)
    if not given.get("client_id"):
        raise Invalid.at("#/client_id", "required", "Send the client_id that the issuer knows us by.")
    merged = msgspec.convert(given, OidcSettings).plain()
    _refuse_unless_called(merged["issuer"], "issuer", "Send the issuer as its discovery has it.")
    if "?" in merged["issuer"]:
        raise Invalid.at("#/issuer", "issuer_not_allowed", "An issuer has no query (OpenID Connect Discovery 1.0, 3).")
    has_secret, needs = merged["client_secret_ref"] is not None, merged["client_authentication"] != "none"
    if has_secret != needs:
        text = "Name a secret as client_secret_ref, or send client_authentication none without one."
        raise Invalid.at("#/client_secret_ref", "secret_reference", text)
    if has_secret and not configs.is_secret_reference(merged["client_secret_ref"]):
        raise Invalid.at("#/client_secret_ref", "invalid", "Send env:SSO_SECRET_NAME or file:name.")
    if "openid" not in merged["scopes"]:
        raise Invalid.at("#/scopes", "openid_required", "Without the scope openid there is no ID token.")
    return merged


def _saml(body: Struct, before: dict[str, Any]) -> dict[str, Any]:
    _refuse_foreign(body, _OIDC_ONLY, "OpenID")
    given = before | _given(body, SamlSettings.__struct_fields__)
    url, metadata = (getattr(body, name, UNSET) for name in _METADATA)
    if url and metadata:
        raise Invalid.at("#/metadata", "ambiguous", "Send metadata_url or metadata, not both.")
    if url:
        _refuse_unless_called(url, "metadata_url", "Send the https address of the identity provider's metadata.")
        given |= {"sign_on_url": None, "certificates": []}
    elif metadata:
        given |= {"metadata_url": None, **_read(metadata, given["issuer"])}
    elif given["issuer"] != before.get("issuer", given["issuer"]) and given.get("certificates"):
        raise Invalid.at("#/metadata", "required", "Send the metadata of this issuer as well.")
    merged = msgspec.convert(given, SamlSettings).plain()
    if not merged["metadata_url"] and not merged["certificates"]:
        raise Invalid.at("#/metadata_url", "required", "Send metadata_url, or the metadata itself as metadata.")
    return merged


def _read(metadata: str, issuer: str) -> dict[str, Any]:
    try:
        facts = saml.facts_of(metadata, issuer=issuer)
        outbound().refuse_unless_allowed(facts["sign_on_url"])
    except OutboundFailed as error:
        raise Invalid.at("#/metadata", "unusable_metadata", error.detail) from error
    return facts


def _given(body: Struct, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(body, name) for name in names if getattr(body, name, UNSET) is not UNSET}


def _refuse_foreign(body: Struct, names: Any, kind: str) -> None:
    """Refuse what was sent of another kind's settings; null says nothing."""
    for name in names:
        if getattr(body, name, UNSET) not in (UNSET, None):
            raise Invalid.at(f"#/{name}", "not_for_this_kind", f"Only providers of {kind} have a {name}.")


def _refuse_unless_called(url: str, name: str, hint: str) -> None:
    try:
        outbound().refuse_unless_allowed(url)
    except OutboundFailed as error:
        raise Invalid.at(f"#/{name}", f"{name}_not_allowed", f"{error.detail} {hint}") from error
