"""What an identity provider says of itself (SAML Metadata 2.4.3): where to sign in, and which keys sign."""

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from apps.common.outbound import Outbound, OutboundFailed
from apps.identity.providers.saml.settings import SamlSettings
from apps.identity.providers.saml.xml import PROTOCOL, REDIRECT, XmlRefused, ds, md, read_document, text_of

FRESH: Final = 600.0  # seconds that an answer is used for
_MOST_CERTIFICATES: Final = 8
_SMALLEST_RSA: Final = 2048
_SMALLEST_CURVE: Final = 256
_TYPE: Final = "application/samlmetadata+xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdpMetadata:
    """The part of a metadata document that a service provider needs."""

    sign_on_url: str
    certificates: Sequence[x509.Certificate]

    @classmethod
    def of(cls, settings: SamlSettings) -> Self:
        """Return what was read when the provider was added, without what is out of date since."""
        kept = [x509.load_der_x509_certificate(base64.b64decode(each)) for each in settings.certificates]
        return cls(sign_on_url=settings.sign_on_url or "", certificates=list(filter(_is_current, kept)))

    def plain(self) -> dict[str, Any]:
        """Return it as JSON values, as `SamlSettings` keeps it."""
        certificates = [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in self.certificates]
        return {"sign_on_url": self.sign_on_url, "certificates": certificates}


@dataclass(frozen=True, slots=True)
class IdpMetadatas:
    """What this process knows of the identity providers that it has asked, by address and issuer."""

    _known: dict[tuple[str, str], tuple[IdpMetadata, float]] = field(default_factory=dict)

    def current(self, url: str, issuer: str, client: Outbound) -> IdpMetadata:
        """Return what the identity provider says of itself; raises `OutboundFailed`."""
        known = self._known.get((url, issuer))
        if known is not None and time.monotonic() - known[1] <= FRESH:
            return known[0]
        return self.anew(url, issuer, client)

    def anew(self, url: str, issuer: str, client: Outbound) -> IdpMetadata:
        """Ask again; raises `OutboundFailed`."""
        reply = client.get(url, {"Accept": _TYPE})
        if reply.status != 200:  # noqa: PLR2004  (HTTP's OK)
            raise OutboundFailed(f"The identity provider has no metadata there (status {reply.status}).")
        metadata = read_metadata(reply.content, issuer)
        client.refuse_unless_allowed(metadata.sign_on_url)
        self._known[url, issuer] = metadata, time.monotonic()
        return metadata


def read_metadata(content: bytes, issuer: str) -> IdpMetadata:
    """Return what a document says of exactly this issuer; raises `OutboundFailed`."""
    try:
        root = read_document(content)
    except XmlRefused as error:
        raise OutboundFailed(f"The metadata cannot be used: {error}.") from error
    if root.tag != md("EntityDescriptor"):
        raise OutboundFailed("The metadata is not one EntityDescriptor.")
    if root.get("entityID") != issuer:
        raise OutboundFailed("The metadata is another identity provider's: its entityID is not the issuer.")
    roles = [
        role
        for role in root.findall(md("IDPSSODescriptor"))
        if PROTOCOL in role.get("protocolSupportEnumeration", "").split()
    ]
    if len(roles) != 1 or any(map(_is_over, (root, *roles))):
        raise OutboundFailed("The metadata describes no identity provider of SAML 2.0, or no longer.")
    if roles[0].get("WantAuthnRequestsSigned", "") in {"true", "1"}:
        raise OutboundFailed("The metadata asks for signed requests, which are not sent.")
    places = [
        each.get("Location") for each in roles[0].findall(md("SingleSignOnService")) if each.get("Binding") == REDIRECT
    ]
    if not places or not places[0]:
        raise OutboundFailed("The metadata names no SingleSignOnService with the HTTP-Redirect binding.")
    certificates = _certificates(roles[0])
    if not certificates:
        raise OutboundFailed("The metadata has no usable certificate to sign with: RSA of 2048 bits, or P-256.")
    return IdpMetadata(sign_on_url=places[0], certificates=certificates)


def _certificates(role: etree._Element) -> list[x509.Certificate]:
    """Return the certificates that may sign; a key that is weak, unknown or out of date does not."""
    found = []
    for key in role.findall(md("KeyDescriptor")):
        if key.get("use", "signing") != "signing":
            continue
        for element in key.iter(ds("X509Certificate")):
            text = "".join(text_of(element).split())
            try:
                certificate = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
                is_usable = _is_strong(certificate) and _is_current(certificate)
            except ValueError:
                continue
            if is_usable:
                found.append(certificate)
    return found[:_MOST_CERTIFICATES]


def _is_strong(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if isinstance(key, RSAPublicKey):
        return key.key_size >= _SMALLEST_RSA
    return isinstance(key, EllipticCurvePublicKey) and key.curve.key_size >= _SMALLEST_CURVE


def _is_current(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc


def _is_over(element: etree._Element) -> bool:
    until = element.get("validUntil")
    if until is None:
        return False
    try:
        return datetime.fromisoformat(until) <= datetime.now(UTC)
    except (ValueError, TypeError):
        return True
