"""What we say: that somebody should sign in, and who we are."""

import base64
import zlib
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from lxml import etree

from apps.identity.providers.protocol import Attempt
from apps.identity.providers.saml.xml import ASSERTION, METADATA, PERSISTENT, POST, PROTOCOL, a, md, p


def own_entity_id(redirect_uri: str) -> str:
    """Return our entity id, which is the address of our metadata.

    >>> own_entity_id("https://inventory.example.com/api/v1/identity/providers/acme/callback")
    'https://inventory.example.com/api/v1/identity/providers/acme/metadata'
    """
    return f"{redirect_uri.removesuffix('/callback')}/metadata"


def request_id(attempt: Attempt) -> str:
    """Return the id of the request of an attempt: an XML name, as unguessable as its nonce."""
    return f"_{attempt.nonce}"


def sign_on_address(attempt: Attempt, *, sign_on_url: str) -> str:
    """Return the address that asks to sign somebody in (SAML Bindings 3.4, DEFLATE encoding)."""
    request = etree.Element(p("AuthnRequest"), nsmap={"samlp": PROTOCOL, "saml": ASSERTION})
    request.set("ID", request_id(attempt))
    request.set("Version", "2.0")
    request.set("IssueInstant", _instant(attempt.at))
    request.set("Destination", sign_on_url)
    request.set("AssertionConsumerServiceURL", attempt.redirect_uri)
    request.set("ProtocolBinding", POST)
    if attempt.is_fresh:  # a session over there is not enough
        request.set("ForceAuthn", "true")
    etree.SubElement(request, a("Issuer")).text = own_entity_id(attempt.redirect_uri)
    etree.SubElement(request, p("NameIDPolicy"), {"Format": PERSISTENT, "AllowCreate": "true"})
    deflate = zlib.compressobj(wbits=-15)
    packed = deflate.compress(etree.tostring(request)) + deflate.flush()
    parameters = {"SAMLRequest": base64.b64encode(packed).decode(), "RelayState": attempt.state}
    joint = "&" if urlsplit(sign_on_url).query else "?"
    return f"{sign_on_url}{joint}{urlencode(parameters)}"


def description(redirect_uri: str) -> bytes:
    """Return our metadata (SAML Metadata 2.4.4): one place to come back to, signed assertions only."""
    root = etree.Element(md("EntityDescriptor"), nsmap={"md": METADATA})
    root.set("entityID", own_entity_id(redirect_uri))
    role = etree.SubElement(root, md("SPSSODescriptor"))
    role.set("protocolSupportEnumeration", PROTOCOL)
    role.set("AuthnRequestsSigned", "false")
    role.set("WantAssertionsSigned", "true")
    etree.SubElement(role, md("NameIDFormat")).text = PERSISTENT
    place = {"Binding": POST, "Location": redirect_uri, "index": "0", "isDefault": "true"}
    etree.SubElement(role, md("AssertionConsumerService"), place)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
