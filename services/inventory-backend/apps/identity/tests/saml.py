"""A SAML identity provider that signs whatever a test wants, and a browser that brings it: honest unless told."""

import base64
import datetime as dt
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, override
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from django.http import HttpResponse
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from apps.identity.models import Provider
from apps.identity.providers import saml
from apps.identity.tests.sso import BASE, CHALLENGE, Browser

type Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

ISSUER: Final = "https://idp.example.com/saml"
SIGN_ON: Final = "https://idp.example.com/sso"
ACS: Final = "http://testserver/api/v1/identity/providers/acme/callback"
OWN: Final = "http://testserver/api/v1/identity/providers/acme/metadata"
_EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_PLACEHOLDER: Final = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="placeholder"/>'


class Signer(XMLSigner):
    """Signs with SHA-1 as well."""

    @override
    def check_deprecated_methods(self) -> None:
        pass


@cache
def key_of(name: str) -> Key:
    """Return the key of a name, one for each run."""
    if name == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 1024 if name == "weak" else 2048)


@cache
def certificate_of(name: str) -> x509.Certificate:
    """Return the certificate of the key of a name."""
    now, subject = dt.datetime.now(dt.UTC), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example.com")])
    first = now - dt.timedelta(days=2)
    last = now + dt.timedelta(days=-1 if name == "expired" else 1)
    key = key_of(name)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).serial_number(7)
    return builder.public_key(key.public_key()).not_valid_before(first).not_valid_after(last).sign(key, SHA256())


def metadata(*names: str, issuer: str = ISSUER, sign_on: str = SIGN_ON, role: str = "", root: str = "") -> str:
    """Return the identity provider's metadata, with the certificates of these keys."""
    keys = "".join(
        '<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>'
        f"{base64.encodebytes(certificate_of(name).public_bytes(Encoding.DER)).decode()}"
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for name in names or ("rsa",)
    )
    return (
        '<?xml version="1.0"?><!-- ours -->'
        '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" '
        f'xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="{issuer}" {root}>'
        f'<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol" {role}>{keys}'
        '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://no.example"/>'
        f'<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{sign_on}"/>'
        "</md:IDPSSODescriptor></md:EntityDescriptor>"
    )


def make_saml(*names: str, **more: Any) -> Provider:
    """Write a provider to the database, with the metadata of these keys."""
    facts = saml.facts_of(metadata(*names), issuer=ISSUER)
    settings = {
        "issuer": ISSUER,
        "metadata_url": None,
        **facts,
        "username_claim": "uid",
        "name_claim": "displayName",
        "groups_claim": more.pop("groups_claim", ""),
        "trusts_amr": more.pop("trusts_amr", False),
    }
    defaults = {"code": "acme", "name": "Acme", "is_enabled": True, "provisions_users": True}
    return Provider.objects.create(kind="saml", settings=settings, **{**defaults, **more})


@dataclass
class Forged:
    """What the identity provider is to answer: `xml` of the assertion, the key, and touches at each step.

    `dress` changes the signed assertion's element, `wrap` the whole response's, `touch` its bytes.
    """

    xml: str
    response: str
    key: str = "rsa"
    method: SignatureMethod = SignatureMethod.RSA_SHA256
    digest: DigestAlgorithm = DigestAlgorithm.SHA256
    c14n: str = _EXCLUSIVE
    is_signed: bool = True
    is_response_signed: bool = False
    dress: Callable[[etree._Element], object] = lambda _: None
    wrap: Callable[[etree._Element], object] = lambda _: None
    touch: Callable[[bytes], bytes] = bytes
    encode: Callable[[bytes], str] = field(default=lambda content: base64.b64encode(content).decode())

    def text(self) -> str:
        """Return what the browser brings as SAMLResponse."""
        assertion = self.signed(self.xml) if self.is_signed else etree.fromstring(self.xml.replace(_PLACEHOLDER, ""))
        self.dress(assertion)
        whole = self.response.replace("<the-assertion/>", etree.tostring(assertion, with_tail=False).decode())
        if self.is_response_signed:
            response = self.signed(whole)
        else:
            response = etree.fromstring(whole.replace(_PLACEHOLDER, "", 1))
        self.wrap(response)
        return self.encode(self.touch(etree.tostring(response)))

    def signed(self, xml: str) -> etree._Element:
        """Return an element with its signature."""
        root = etree.fromstring(xml)
        signer = Signer(signature_algorithm=self.method, digest_algorithm=self.digest, c14n_algorithm=self.c14n)
        if self.method.name.startswith("HMAC"):
            # What everybody knows, as a secret.
            secret = certificate_of(self.key).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            return signer.sign(root, key=secret, reference_uri=root.get("ID"))
        certificate = certificate_of(self.key).public_bytes(Encoding.PEM).decode()
        return signer.sign(root, key=key_of(self.key), cert=certificate, reference_uri=root.get("ID"))


def instant(seconds: float = 0) -> str:
    """Return an instant, so many seconds from now."""
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def honest(request_id: str, *, attributes: str = "", name: str = "ada-over-there") -> Forged:
    """Return a response that is right in every way."""
    now, soon = instant(), instant(300)
    xml = f"""<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a1" Version="2.0"
 IssueInstant="{now}"><saml:Issuer>{ISSUER}</saml:Issuer>{_PLACEHOLDER}<saml:Subject>
<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">{name}</saml:NameID>
<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData
 NotOnOrAfter="{soon}" Recipient="{ACS}" InResponseTo="{request_id}"/></saml:SubjectConfirmation></saml:Subject>
<saml:Conditions NotBefore="{now}" NotOnOrAfter="{soon}"><saml:AudienceRestriction><saml:Audience>{OWN}</saml:Audience>
</saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="{now}" SessionIndex="s1">
<saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport\
</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>
<saml:Attribute Name="uid"><saml:AttributeValue>ada.over.there</saml:AttributeValue></saml:Attribute>
<saml:Attribute Name="displayName"><saml:AttributeValue>Ada Elsewhere</saml:AttributeValue></saml:Attribute>
<saml:Attribute Name="mail"><saml:AttributeValue>ada@example.com</saml:AttributeValue></saml:Attribute>{attributes}
</saml:AttributeStatement></saml:Assertion>"""
    response = f"""<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
 xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r1" Version="2.0" IssueInstant="{now}" Destination="{ACS}"
 InResponseTo="{request_id}"><saml:Issuer>{ISSUER}</saml:Issuer>{_PLACEHOLDER}<samlp:Status><samlp:StatusCode
 Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><the-assertion/></samlp:Response>"""
    return Forged(xml=xml, response=response)


def groups(*names: str) -> str:
    """Return the attribute that lists groups."""
    values = "".join(f"<saml:AttributeValue>{name}</saml:AttributeValue>" for name in names)
    return f'<saml:Attribute Name="groups">{values}</saml:Attribute>'


def asked(browser: Browser) -> etree._Element:
    """Return the request that a browser was sent away with."""
    return etree.fromstring(zlib.decompress(base64.b64decode(browser.sent["SAMLRequest"]), wbits=-15))


def leave(browser: Browser | None = None, **query: str) -> Browser:
    """Send a browser to sign in."""
    browser = browser or Browser()
    answer = browser.http.get(f"{BASE}/providers/acme/start", {"challenge": CHALLENGE, **query})
    assert answer.status_code == 302, answer.content
    browser.sent = dict(parse_qsl(urlsplit(answer["Location"]).query))
    return browser


def bring(browser: Browser, response: str, **fields: str) -> HttpResponse:
    """Come back with a form."""
    form = {"SAMLResponse": response, "RelayState": browser.sent["RelayState"], **fields}
    answer: HttpResponse = browser.http.post(
        f"{BASE}/providers/acme/callback", urlencode(form), content_type="application/x-www-form-urlencoded"
    )
    return answer


def sign_in(
    forge: Callable[[Forged], object] = lambda _: None, browser: Browser | None = None, **more: str
) -> tuple[Browser, HttpResponse]:
    """Go there and back, with what `forge` makes of an honest response."""
    browser = leave(browser)
    forged = honest(asked(browser).get("ID", ""), **more)
    forge(forged)
    return browser, bring(browser, forged.text())
