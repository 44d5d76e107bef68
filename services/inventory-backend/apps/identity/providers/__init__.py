"""How people prove who they are: here with a password, or at an identity provider. No tables, and no HTTP of ours.

>>> sorted(KINDS)
['local', 'oidc', 'saml']
"""

from collections.abc import Callable, Mapping
from typing import Final

from apps.common.outbound import outbound
from apps.identity.models import Provider
from apps.identity.providers import saml
from apps.identity.providers.local import Local
from apps.identity.providers.oidc.provider import Oidc
from apps.identity.providers.protocol import (
    Answer,
    Assertion,
    AssertionRefused,
    Attempt,
    Check,
    IdentityProvider,
    LogoutAssertion,
)

__all__ = [
    "KINDS",
    "Answer",
    "Assertion",
    "AssertionRefused",
    "Attempt",
    "Check",
    "IdentityProvider",
    "LogoutAssertion",
    "provider_of",
]

# A kind of provider is one entry here, and a class that keeps the protocol.
KINDS: Final[Mapping[str, Callable[[Mapping[str, object]], IdentityProvider]]] = {
    "local": lambda _: Local(),
    "oidc": lambda settings: Oidc.of(settings, client=outbound()),
    "saml": lambda settings: saml.service_provider(settings, client=outbound()),
}


def provider_of(row: Provider) -> IdentityProvider:
    """Return what talks to a provider."""
    return KINDS[row.kind](row.settings)
