"""SAML 2.0: a thin service provider for the Web Browser SSO profile (POST binding in, redirect binding out).

It needs the extra `saml`; nothing here is imported before somebody uses such a provider.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from apps.common.outbound import Outbound
from apps.identity.providers.protocol import IdentityProvider, ProviderUnavailable


class ExtraNotInstalled(ProviderUnavailable):
    """What checks signatures of XML is not installed."""

    code = "extra_not_installed"
    title = "SAML is not installed"


def service_provider(settings: Mapping[str, object], *, client: Outbound) -> IdentityProvider:
    """Return the service provider that the database describes; raises `ExtraNotInstalled`."""
    with _extra():
        from apps.identity.providers.saml.provider import Saml  # noqa: PLC0415  (the extra)
    return Saml.of(settings, client=client)


def facts_of(metadata: str, *, issuer: str) -> dict[str, Any]:
    """Return what is kept of an identity provider's metadata: where to sign in, and with which keys it signs.

    Raises `OutboundFailed` for what is not the metadata of `issuer`, and `ExtraNotInstalled`.
    """
    with _extra():
        from apps.identity.providers.saml.metadata import read_metadata  # noqa: PLC0415  (the extra)
    return read_metadata(metadata.encode("utf-8", "surrogatepass"), issuer).plain()


def own_metadata(redirect_uri: str) -> bytes:
    """Return our metadata, for whoever comes back to `redirect_uri`; raises `ExtraNotInstalled`."""
    with _extra():
        from apps.identity.providers.saml.requests import description  # noqa: PLC0415  (the extra)
    return description(redirect_uri)


@contextmanager
def _extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        text = f"{error.name} is missing: install inventory-backend[saml], and start the service again."
        raise ExtraNotInstalled(text) from error
