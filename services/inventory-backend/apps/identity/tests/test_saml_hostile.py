"""X1: an identity provider that lies. Every row is one wrong response; none is accepted, nothing is stored."""

import base64
import copy
from typing import Final

import pytest
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod

from apps.identity.models import ExternalIdentity, HandOver, RefreshToken, User
from apps.identity.providers.saml.signature import as_signed
from apps.identity.providers.saml.xml import XmlRefused, a
from apps.identity.tests.saml import (
    ACS,
    ISSUER,
    OWN,
    asked,
    bring,
    certificate_of,
    honest,
    instant,
    leave,
    make_saml,
    sign_in,
)
from apps.identity.tests.saml_forging import (
    BEARER,
    LAUGHS,
    NAME,
    PERSISTENT,
    SUCCESS,
    Forge,
    Touch,
    answered,
    both,
    canonical,
    dressed,
    dtd,
    encoded,
    lacking,
    reference,
    replaced,
    said,
    signed_twice,
    signs,
    timed,
    touched,
    transform,
    twice,
    with_another_key,
    with_object,
    without,
    without_signature_value,
    wrapped,
)
from apps.identity.tests.saml_wrapping import (
    assertion_elsewhere,
    encrypted,
    name_twice,
    parts,
    renamed,
    same_id,
    signature_elsewhere,
    signature_moved,
    subject_outside,
    without_status,
    xsw1,
    xsw2,
    xsw3,
    xsw4,
    xsw5,
    xsw6,
    xsw7,
    xsw8,
)
from apps.identity.tests.sso import BASE
from audit.django.models import AuditEvent
from tests.answers import json_of

pytestmark = pytest.mark.usefixtures("world")

# What is wrong, and what is said of it.
WRONG: dict[str, tuple[Forge, str]] = {
    # ---- the signature
    "not signed": (signs(is_signed=False), "it is not signed"),
    "only the response is signed": (signs(is_signed=False, is_response_signed=True), "it is not signed"),
    "signed by somebody else": (signs(key="foreign"), "its signature is wrong"),
    "a key of 1024 bits": (signs(key="weak"), "its signature is wrong"),
    "a certificate that has expired": (signs(key="expired"), "its signature is wrong"),
    "RSA with SHA-1": (signs(method=SignatureMethod.RSA_SHA1, digest=DigestAlgorithm.SHA1), "its signature is wrong"),
    "a digest by SHA-1": (signs(digest=DigestAlgorithm.SHA1), "its signature is wrong"),
    "a signature by SHA-1": (signs(method=SignatureMethod.RSA_SHA1), "its signature is wrong"),
    "HMAC with the public key": (signs(method=SignatureMethod.HMAC_SHA256), "its signature is wrong"),
    "ECDSA by a key that is not published": (
        signs(key="ec", method=SignatureMethod.ECDSA_SHA256),
        "its signature is wrong",
    ),
    "comments are signed, or not": (
        signs(c14n="http://www.w3.org/2001/10/xml-exc-c14n#WithComments"),
        "its signature has another transform",
    ),
    "another canonical form": (
        signs(c14n="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
        "its signature has another transform",
    ),
    "another name under a good signature": (dressed(renamed), "its signature is wrong"),
    "no value of the signature": (dressed(without_signature_value), "its signature is wrong"),
    "signed twice": (dressed(signed_twice), "it is signed twice"),
    "an object in the signature": (dressed(with_object), "its signature has unusual parts"),
    "a signature in another canonical form": (dressed(canonical), "its signature has another transform"),
    "a reference to everything": (dressed(reference("")), "its signature is not over it"),
    "a reference to somewhere else": (dressed(reference("#_r1")), "its signature is not over it"),
    "a reference to a file": (dressed(reference("file:///etc/passwd")), "its signature is not over it"),
    "a reference to another host": (dressed(reference("http://127.0.0.1:9/")), "its signature is not over it"),
    "a reference by XPointer": (dressed(reference("#xpointer(/)")), "its signature is not over it"),
    "a transform by XSLT": (
        dressed(transform("http://www.w3.org/TR/1999/REC-xslt-19991116")),
        "its signature has another transform",
    ),
    "a transform by XPath": (
        dressed(transform("http://www.w3.org/TR/1999/REC-xpath-19991116")),
        "its signature has another transform",
    ),
    "a transform from base64": (
        dressed(transform("http://www.w3.org/2000/09/xmldsig#base64")),
        "its signature has another transform",
    ),
    "a response that was changed after it was signed": (
        wrapped(lambda response: response.set("Consent", "urn:x"), signed=True),
        "its signature is wrong",
    ),
    # ---- wrapped signatures
    "XSW 1": (wrapped(xsw1, signed=True), "it has 2 assertions"),
    "XSW 2": (wrapped(xsw2, signed=True), "it has unusual parts"),
    "XSW 3": (wrapped(xsw3), "it has 2 assertions"),
    "XSW 4": (wrapped(xsw4), "it has 2 assertions"),
    "XSW 5": (wrapped(xsw5), "it has 2 assertions"),
    "XSW 6": (wrapped(xsw6), "it has 2 assertions"),
    "XSW 7": (wrapped(xsw7), "it has 2 assertions"),
    "XSW 8": (wrapped(xsw8), "it has 2 assertions"),
    "two assertions of one name": (wrapped(same_id), "it has 2 assertions"),
    "two assertions, both signed": (
        wrapped(lambda response: response.append(copy.deepcopy(parts(response)[0]))),
        "it has 2 assertions",
    ),
    "an assertion elsewhere": (wrapped(assertion_elsewhere), "its assertion is in an unusual place"),
    "something else has its name": (wrapped(name_twice), "an id comes twice"),
    "a further signature elsewhere": (wrapped(signature_elsewhere), "a signature is in an unusual place"),
    "no assertion": (wrapped(lambda response: response.remove(parts(response)[0])), "it has 0 assertions"),
    "the subject is changed": (wrapped(subject_outside), "its signature is wrong"),
    "the assertion's signature is the response's": (wrapped(signature_moved), "its signature is not over it"),
    "an assertion by itself": (
        touched(lambda content: etree.tostring(parts(etree.fromstring(content))[0])),
        "it is no response",
    ),
    "encrypted for somebody else": (wrapped(encrypted), "its assertion is encrypted"),
    # ---- XML
    "a comment in the name": (replaced(NAME, b">ada-over<!-- x -->-there<"), "it has a comment, a DTD or CDATA"),
    "a comment that cuts the name": (
        replaced(NAME, b">ada-over-there<!-- -->.evil.example.com<"),
        "it has a comment, a DTD or CDATA",
    ),
    "a processing instruction in the name": (
        replaced(NAME, b">ada-over-there<?x?><"),
        "it has a processing instruction",
    ),
    "CDATA in the name": (replaced(NAME, b"><![CDATA[ada-over-there]]><"), "it has a comment, a DTD or CDATA"),
    "an element in the name": (said(">ada-over-there<", ">ada-over-there<saml:x/><"), "its NameID is no name"),
    "a DTD": (touched(dtd(b"")), "it has a comment, a DTD or CDATA"),
    "an entity": (
        touched(lambda content: dtd(b'<!ENTITY a "ada">')(content.replace(NAME, b">&a;-over-there<"))),
        "it has a comment, a DTD or CDATA",
    ),
    "an entity that is a file": (
        touched(lambda content: dtd(b'<!ENTITY a SYSTEM "file:///etc/hostname">')(content.replace(NAME, b">&a;<"))),
        "it has a comment, a DTD or CDATA",
    ),
    "an entity that is an address": (
        touched(dtd(b'<!ENTITY % a SYSTEM "http://127.0.0.1:9/x.dtd"> %a;')),
        "it has a comment, a DTD or CDATA",
    ),
    "a billion laughs": (
        touched(lambda content: dtd(LAUGHS)(content.replace(NAME, b">&k;<"))),
        "it has a comment, a DTD or CDATA",
    ),
    "a DTD in UTF-16": (
        touched(
            lambda content: dtd(b"")(content).decode().encode("utf-16")  # whose bytes hide what is looked for
        ),
        "it is no XML",
    ),
    "a DTD in UTF-7": (
        touched(lambda content: b'<?xml version="1.0" encoding="UTF-7"?>' + b"+ADwAIQ-DOCTYPE a+AD4-" + content),
        "it is no XML",
    ),
    "no XML": (touched(lambda _: b"SAML"), "it is no XML"),
    "half of it": (touched(lambda content: content[: len(content) // 2]), "it is no XML"),
    "nothing": (touched(lambda _: b""), "it is empty or too long"),
    "empty": (encoded(lambda _: ""), "it is empty or too long"),
    "no base64": (encoded(lambda _: "***"), "it is not base64"),
    "base64 twice": (encoded(lambda content: base64.b64encode(base64.b64encode(content)).decode()), "it is no XML"),
    "300 kB": (touched(lambda content: content + b" " * 300_000), "it is empty or too long"),
    "deep": (touched(lambda content: b"<a>" * 2000 + content + b"</a>" * 2000), "it is no XML"),
    "a NUL": (replaced(NAME, b">ada\0<"), "it is no XML"),
    # ---- what it says
    "another issuer": (said(ISSUER, "https://evil.example.com"), "its assertion is another issuer's"),
    "another issuer around it": (answered(f">{ISSUER}<", ">https://evil.example.com<"), "it is another issuer's"),
    "an issuer that begins alike": (said(ISSUER, f"{ISSUER}/"), "its assertion is another issuer's"),
    "no issuer": (without(a("Issuer")), "it has 0 Issuer elements, not one"),
    "another audience": (said(OWN, "https://another.example.com"), "it is for another audience"),
    "a further audience": (
        said("</saml:Audience>", "</saml:Audience><saml:Audience>https://another.example.com</saml:Audience>"),
        "it is for another audience",
    ),
    "no audience": (without(f".//{a('AudienceRestriction')}"), "it has 0 AudienceRestriction elements, not one"),
    "an audience that begins alike": (said(OWN, f"{OWN}2"), "it is for another audience"),
    "another recipient": (
        said(f'Recipient="{ACS}"', 'Recipient="https://another.example.com/acs"'),
        "it is for another recipient",
    ),
    "no recipient": (lacking("Recipient"), "it is for another recipient"),
    "another destination": (answered(ACS, "https://another.example.com/acs"), "it is for another destination"),
    "no destination": (wrapped(lambda response: response.attrib.pop("Destination")), "it is for another destination"),
    "an answer to another request": (said('InResponseTo="_', 'InResponseTo="_x'), "it answers another request"),
    "around it, an answer to another request": (
        answered('InResponseTo="_', 'InResponseTo="_x'),
        "it answers another request",
    ),
    "an answer to no request": (lacking("InResponseTo"), "it answers another request"),
    "around it, an answer to no request": (
        wrapped(lambda response: response.attrib.pop("InResponseTo")),
        "it answers another request",
    ),
    "expired a minute ago": (timed("NotOnOrAfter", -60), "it has expired"),
    "a confirmation that expired": (
        timed("NotOnOrAfter", -60, f".//{a('SubjectConfirmationData')}"),
        "it has expired",
    ),
    "conditions that expired": (timed("NotOnOrAfter", -60, a("Conditions")), "it has expired"),
    "no expiry": (lacking("NotOnOrAfter"), "its NotOnOrAfter is no instant in UTC"),
    "not valid before a minute from now": (timed("NotBefore", 60), "it is not valid yet"),
    "issued an hour ago": (timed("IssueInstant", -3600), "it is too old"),
    "issued in a minute": (timed("IssueInstant", 60), "it is from the future"),
    "signed in over there in a minute": (timed("AuthnInstant", 60), "it is from the future"),
    "a session that has ended": (
        said('SessionIndex="s1"', f'SessionIndex="s1" SessionNotOnOrAfter="{instant(-60)}"'),
        "its session has ended",
    ),
    "a confirmation that is not valid yet": (
        said("<saml:SubjectConfirmationData", f'{"<saml:SubjectConfirmationData"} NotBefore="{instant()}"'),
        "its confirmation has a NotBefore",
    ),
    "times without a zone": (said('Z" Recipient', '" Recipient'), "its NotOnOrAfter is no instant in UTC"),
    "times that are none": (said('NotOnOrAfter="20', 'NotOnOrAfter="99999'), "its NotOnOrAfter is no instant in UTC"),
    "no conditions": (without(a("Conditions")), "it has 0 Conditions elements, not one"),
    "conditions twice": (twice(a("Conditions")), "it has 2 Conditions elements, not one"),
    "a condition that nobody knows": (
        said("</saml:Conditions>", "<saml:Condition/></saml:Conditions>"),
        "it has a condition that is not known here",
    ),
    "no subject": (without(a("Subject")), "it has 0 Subject elements, not one"),
    "two subjects": (twice(a("Subject")), "it has 2 Subject elements, not one"),
    "two names": (twice(f".//{a('NameID')}"), "it has 2 NameID elements, not one"),
    "no name": (without(f".//{a('NameID')}"), "it has 0 NameID elements, not one"),
    "an empty name": (said(">ada-over-there<", "><"), "its NameID is no name"),
    "a name of 256 characters": (said(">ada-over-there<", f">{'a' * 256}<"), "its NameID is no name"),
    "a name with a space at its end": (said(">ada-over-there<", ">ada-over-there <"), "its NameID is no name"),
    "a name that changes": (
        said(PERSISTENT, "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"),
        "its NameID is not persistent",
    ),
    "an e-mail address": (
        said(PERSISTENT, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"),
        "its NameID is not persistent",
    ),
    "a name of another issuer": (
        said("<saml:NameID ", '<saml:NameID NameQualifier="https://evil.example.com" '),
        "its NameID is another issuer's",
    ),
    "a name for somebody else": (
        said("<saml:NameID ", '<saml:NameID SPNameQualifier="https://evil.example.com" '),
        "its NameID is for another audience",
    ),
    "a holder of a key": (said(BEARER, "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"), "it is not for its bearer"),
    "no confirmation": (without(f".//{a('SubjectConfirmation')}"), "it has 0 SubjectConfirmation elements, not one"),
    "no sign-in": (without(a("AuthnStatement")), "it has 0 AuthnStatement elements, not one"),
    "an assertion of another version": (
        said('Version="2.0"', 'Version="1.1"'),
        "its assertion is of another version",
    ),
    "another version": (both('Version="2.0"', 'Version="1.1"'), "it is of another version"),
    "a failure": (
        answered(SUCCESS, "urn:oasis:names:tc:SAML:2.0:status:Responder"),
        "The identity provider answered: Responder",
    ),
    "no status": (
        wrapped(without_status),
        "The identity provider answered: an error",
    ),
}


def stored() -> tuple[int, ...]:
    return tuple(kind.objects.count() for kind in (User, ExternalIdentity, HandOver, RefreshToken, AuditEvent))


@pytest.mark.parametrize("name", WRONG)
def test_x1_a_wrong_response_is_refused(name: str) -> None:
    make_saml("rsa", "weak", "expired")
    before = stored()

    forge, why = WRONG[name]

    _, came = sign_in(forge)

    assert (came.status_code, json_of(came)["code"]) == (401, "assertion_refused"), came.content
    assert why in json_of(came)["detail"]
    assert came["Content-Type"] == "application/problem+json"
    assert stored() == before


def test_x1_the_table_is_long_enough() -> None:
    assert len(WRONG) >= 25


WRAPPED: Final[dict[str, Touch]] = {"3": xsw3, "4": xsw4, "5": xsw5, "6": xsw6, "7": xsw7, "8": xsw8}


@pytest.mark.parametrize("number", WRAPPED)
def test_x1_what_is_read_is_what_was_signed_whatever_is_around_it(number: str) -> None:
    """Leave out the rules of where an assertion may be: those of the signature hold by themselves."""
    forged = honest("_request")
    WRAPPED[number](response := etree.fromstring(base64.b64decode(forged.text())))

    names = []
    for assertion in response.iter(a("Assertion")):
        try:
            names.append(as_signed(assertion, [certificate_of("rsa")]).findtext(f".//{a('NameID')}"))
        except XmlRefused:
            names.append("")

    assert len(names) == 2
    assert "vera-over-there" not in names


RIGHT: dict[str, Forge] = {
    "RSA": signs(),
    "RSA with SHA-512": signs(method=SignatureMethod.RSA_SHA512, digest=DigestAlgorithm.SHA512),
    "RSA-PSS": signs(method=SignatureMethod.SHA256_RSA_MGF1),
    "ECDSA": signs(key="ec", method=SignatureMethod.ECDSA_SHA256),
    "the second of two keys": signs(key="next"),
    "both are signed": signs(is_response_signed=True),
    "20 seconds late": timed("NotOnOrAfter", -20),
    "20 seconds early": lambda forged: (timed("NotBefore", 20)(forged), timed("IssueInstant", 20)(forged)),
    "an unspecified name": said(PERSISTENT, "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"),
    "qualified": said("<saml:NameID ", f'<saml:NameID NameQualifier="{ISSUER}" SPNameQualifier="{OWN}" '),
    "lines in the base64": encoded(lambda content: base64.encodebytes(content).decode()),
    "a key that nobody looks at": dressed(with_another_key),
    "a declaration": touched(lambda content: b'<?xml version="1.0" encoding="UTF-8"?>' + content),
}


@pytest.mark.parametrize("name", RIGHT)
def test_x1_a_right_response_is_accepted(name: str) -> None:
    make_saml("rsa", "ec", "next")

    _, came = sign_in(RIGHT[name])

    assert came.status_code == 200, came.content
    assert ExternalIdentity.objects.get().subject == "ada-over-there"


def test_x1_a_failure_is_named_and_quotes_nothing() -> None:
    make_saml()
    codes = ("urn:oasis:names:tc:SAML:2.0:status:AuthnFailed", "&lt;script&gt;")
    details = [json_of(sign_in(answered(SUCCESS, code))[1])["detail"] for code in codes]

    assert details == ["The identity provider answered: AuthnFailed.", "The identity provider answered: an error."]


def test_x1_what_is_no_form_or_comes_in_the_address_is_refused() -> None:
    make_saml()
    browser = leave()
    path = f"{BASE}/providers/acme/callback"
    response = honest(asked(browser).get("ID", "")).text()
    before = stored()

    parameters = {
        "SAMLResponse": response,
        "RelayState": browser.sent["RelayState"],
        "state": browser.sent["RelayState"],
    }
    answers = [
        browser.http.get(path, parameters),
        browser.http.post(path, {"SAMLResponse": response}, format="json"),
        browser.http.post(path, "%ff" * 10, content_type="application/x-www-form-urlencoded"),
        browser.http.post(path, "a=b&" * 30, content_type="application/x-www-form-urlencoded"),
        browser.http.post(path, "RelayState=a&RelayState=b", content_type="application/x-www-form-urlencoded"),
        bring(browser, response, RelayState=""),
        bring(browser, response, RelayState="\0"),
        browser.http.post(
            f"{BASE}/providers/local/callback", "RelayState=a", content_type="application/x-www-form-urlencoded"
        ),
    ]

    assert [answer.status_code for answer in answers] == [401, 415, 401, 401, 400, 401, 401, 404]
    assert all(answer["Content-Type"] == "application/problem+json" for answer in answers)
    assert stored() == before
    assert bring(browser, response).status_code == 200  # and none of that used it up
