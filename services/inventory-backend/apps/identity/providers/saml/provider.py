"""The Web Browser SSO profile, from the browser's leaving to the proof of who came back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Self

import msgspec

from apps.common.outbound import Outbound, OutboundFailed
from apps.identity.providers.protocol import (
    Answer,
    Assertion,
    AssertionRefused,
    Attempt,
    Check,
    Checks,
    LogoutAssertion,
    ProviderUnavailable,
)
from apps.identity.providers.saml import requests, responses
from apps.identity.providers.saml.metadata import IdpMetadata, IdpMetadatas
from apps.identity.providers.saml.settings import SamlSettings

metadatas: Final = IdpMetadatas()
_MOST_GROUPS: Final = 500
_CLASSES: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
# What a class of authentication context proves, in the names of RFC 8176; any other proves that somebody signed in.
_METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    f"{_CLASSES}Password": ("pwd",),
    f"{_CLASSES}PasswordProtectedTransport": ("pwd",),
    f"{_CLASSES}TimeSyncToken": ("otp",),
    f"{_CLASSES}MobileTwoFactorContract": ("mfa",),
    f"{_CLASSES}MobileTwoFactorUnregistered": ("mfa",),
    f"{_CLASSES}SmartcardPKI": ("sc", "pin", "mfa"),
    "https://refeds.org/profile/mfa": ("mfa",),
    "http://schemas.microsoft.com/claims/multipleauthn": ("mfa",),
}


@dataclass(frozen=True, slots=True)
class Saml:
    """A service provider of one identity provider."""

    settings: SamlSettings
    client: Outbound
    comes_back_by_post: ClassVar[bool] = True

    @classmethod
    def of(cls, settings: Mapping[str, object], *, client: Outbound) -> Self:
        """Return the service provider that the database describes."""
        return cls(msgspec.convert(settings, SamlSettings), client)

    def start(self, attempt: Attempt) -> str:
        """Return the address to sign in at; raises `ProviderUnavailable`."""
        return requests.sign_on_address(attempt, sign_on_url=self._metadata().sign_on_url)

    def finish(self, attempt: Attempt, answer: Answer) -> Assertion:
        """Return whom the response that came back proves; raises `AssertionRefused` or `ProviderUnavailable`."""
        expected = responses.Expected(
            issuer=self.settings.issuer,
            certificates=self._metadata().certificates,
            own=requests.own_entity_id(attempt.redirect_uri),
            place=attempt.redirect_uri,
            request_id=requests.request_id(attempt),
            now=answer.at,
        )
        who = responses.proven(answer.parameters.get("SAMLResponse", ""), expected)
        return Assertion(
            issuer=self.settings.issuer,
            subject=who.subject,
            username=_text(who.attributes.get(self.settings.username_claim, ()), 64),
            name=_text(who.attributes.get(self.settings.name_claim, ()), 200),
            methods=("fed", *(_METHODS.get(who.context, ()) if self.settings.trusts_amr else ())),
            groups=self._groups(who.attributes),
            authenticated_at=who.signed_in_at,
        )

    def ended(self, token: str, at: datetime) -> LogoutAssertion:
        """Refuse: single logout is not offered."""
        del token, at
        raise AssertionRefused("This provider sends no logout tokens.")

    def check(self) -> Sequence[Check]:
        """Look at the identity provider's metadata, anew where it has an address."""
        checks = Checks()
        try:
            metadata = self._metadata(anew=True)
        except ProviderUnavailable as error:
            checks.add("metadata", is_ok=False, detail=error.detail)
            return checks.done
        checks.add("metadata", is_ok=True, detail=f"it is that of {self.settings.issuer}")
        keys = len(metadata.certificates)
        checks.add("certificates", is_ok=keys > 0, detail=f"{keys} may sign, and are valid now")
        checks.add("sign-on", is_ok=True, detail=metadata.sign_on_url)
        return checks.done

    def _metadata(self, *, anew: bool = False) -> IdpMetadata:
        if self.settings.metadata_url is None:
            return IdpMetadata.of(self.settings)
        ask = metadatas.anew if anew else metadatas.current
        try:
            return ask(self.settings.metadata_url, self.settings.issuer, self.client)
        except OutboundFailed as error:
            raise ProviderUnavailable(error.detail) from error

    def _groups(self, attributes: Mapping[str, Sequence[str]]) -> frozenset[str] | None:
        if not self.settings.groups_claim:
            return None
        # Who is in no group may have no such attribute.
        return frozenset(attributes.get(self.settings.groups_claim, ())[:_MOST_GROUPS])


def _text(values: Sequence[str], length: int) -> str:
    """Return the only value; where there are several, none is meant for certain."""
    return values[0][:length] if len(values) == 1 and values[0].isprintable() else ""
