"""The rules of a response (SAML Profiles 4.1.4, Core 2 and 3): pure functions, one line for each rule."""

import base64
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Never

from cryptography.x509 import Certificate
from lxml import etree

from apps.identity.providers.protocol import AssertionRefused
from apps.identity.providers.saml.signature import as_signed
from apps.identity.providers.saml.xml import PERSISTENT, XmlRefused, a, ds, p, read_message, text_of

LEEWAY: Final = timedelta(seconds=30)  # that two clocks may differ
OLDEST: Final = timedelta(seconds=600)  # since an assertion was issued
_LARGEST: Final = 256 * 1024
_LONGEST_SUBJECT: Final = 255
_BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"
_STATUS: Final = re.compile(r"urn:oasis:names:tc:SAML:2\.0:status:([A-Za-z]{1,40})")
_ENTITY: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
# A transient name would be somebody else next time, and an e-mail address may become somebody else's.
_FORMATS: Final = {None, PERSISTENT, "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"}
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_IDS: Final = {"ID", "Id", "id", "{http://www.w3.org/XML/1998/namespace}id"}
_IN_RESPONSE: Final = {a("Issuer"), ds("Signature"), p("Extensions"), p("Status"), a("Assertion")}
_IN_CONDITIONS: Final = {a("AudienceRestriction"), a("OneTimeUse"), a("ProxyRestriction")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a response has to say: of whom, to whom (`own`, our entity id), where to, and to which request."""

    issuer: str
    certificates: Sequence[Certificate]
    own: str
    place: str
    request_id: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """Whom an assertion proves, how (`context`) and when they signed in over there, and what is said of them."""

    subject: str
    context: str
    signed_in_at: datetime
    attributes: Mapping[str, Sequence[str]]


def proven(encoded: str, expected: Expected) -> Proven:
    """Return whom a response proves; raises `AssertionRefused`.

    What is returned is read from the bytes that the assertion's own signature covers, and from nothing else.
    """
    try:
        response = read_message(_decoded(encoded))
        assertion = _only_assertion(response)
        if response.find(ds("Signature")) is not None:
            response = as_signed(response, expected.certificates)
        _check_response(response, expected)
        signed = as_signed(assertion, expected.certificates)
    except XmlRefused as error:
        raise AssertionRefused(f"The provider's response was refused: {error}.") from error
    return _read(signed, expected)


def _decoded(encoded: str) -> bytes:
    if not encoded or len(encoded) > _LARGEST:
        raise XmlRefused("it is empty or too long")
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except ValueError as error:
        raise XmlRefused("it is not base64") from error


def _only_assertion(response: etree._Element) -> etree._Element:
    """Return the one assertion, where one is: a child of the response, as in no other place of the message."""
    _refuse(response.tag != p("Response"), "it is no response")
    _refuse(not _IN_RESPONSE.issuperset(_tags(response)) and _is_encrypted(response), "its assertion is encrypted")
    _refuse(not _IN_RESPONSE.issuperset(_tags(response)), "it has unusual parts")
    _check_status(response)
    everywhere = list(response.iter(a("Assertion")))
    _refuse(len(everywhere) != 1, f"it has {len(everywhere)} assertions")
    _refuse(everywhere[0].getparent() is not response, "its assertion is in an unusual place")
    names = Counter(value for each in response.iter() for name, value in each.attrib.items() if name in _IDS)
    _refuse(any(count > 1 for count in names.values()), "an id comes twice")
    signers = [each.getparent() for each in response.iter(ds("Signature"))]
    _refuse(any(each not in (response, everywhere[0]) for each in signers), "a signature is in an unusual place")
    return everywhere[0]


def _check_status(response: etree._Element) -> None:
    codes = [code.get("Value") for status in response.findall(p("Status")) for code in status.iter(p("StatusCode"))]
    if codes[:1] != [_SUCCESS]:
        known = [match[1] for code in codes if code is not None and (match := _STATUS.fullmatch(code))]
        raise AssertionRefused(f"The identity provider answered: {', '.join(known[:2]) or 'an error'}.")


def _check_response(response: etree._Element, expected: Expected) -> None:
    _refuse(response.get("Version") != "2.0", "it is of another version")
    _refuse(response.get("Destination") != expected.place, "it is for another destination")
    _refuse(response.get("InResponseTo") != expected.request_id, "it answers another request")
    issuers = response.findall(a("Issuer"))
    _refuse(any(not _is_issuer(each, expected) for each in issuers), "it is another issuer's")


def _read(assertion: etree._Element, expected: Expected) -> Proven:
    _refuse(assertion.get("Version") != "2.0", "its assertion is of another version")
    _refuse(not _is_issuer(_one(assertion, a("Issuer")), expected), "its assertion is another issuer's")
    issued = _instant(assertion, "IssueInstant")
    _refuse(issued > expected.now + LEEWAY, "it is from the future")
    _refuse(issued < expected.now - OLDEST, "it is too old")
    subject = _one(assertion, a("Subject"))
    _check_confirmation(_one(subject, a("SubjectConfirmation")), expected)
    _check_conditions(_one(assertion, a("Conditions")), expected)
    statement = _one(assertion, a("AuthnStatement"))
    _refuse(_instant(statement, "AuthnInstant") > expected.now + LEEWAY, "it is from the future")
    if statement.get("SessionNotOnOrAfter") is not None:
        _refuse(_instant(statement, "SessionNotOnOrAfter") <= expected.now - LEEWAY, "its session has ended")
    context = _one(statement, a("AuthnContext"))
    return Proven(
        subject=_name(_one(subject, a("NameID")), expected),
        context=text_of(context.find(a("AuthnContextClassRef"))).strip(),
        signed_in_at=_instant(statement, "AuthnInstant"),
        attributes=_attributes(assertion),
    )


def _check_confirmation(confirmation: etree._Element, expected: Expected) -> None:
    """Check that whoever brings the assertion is whom it is about (Profiles 4.1.4.2)."""
    _refuse(confirmation.get("Method") != _BEARER, "it is not for its bearer")
    data = _one(confirmation, a("SubjectConfirmationData"))
    _refuse(data.get("Recipient") != expected.place, "it is for another recipient")
    _refuse(data.get("InResponseTo") != expected.request_id, "it answers another request")
    _refuse(data.get("NotBefore") is not None, "its confirmation has a NotBefore")
    _refuse(_instant(data, "NotOnOrAfter") <= expected.now - LEEWAY, "it has expired")


def _check_conditions(conditions: etree._Element, expected: Expected) -> None:
    _refuse(not _IN_CONDITIONS.issuperset(_tags(conditions)), "it has a condition that is not known here")
    if conditions.get("NotBefore") is not None:
        _refuse(_instant(conditions, "NotBefore") > expected.now + LEEWAY, "it is not valid yet")
    if conditions.get("NotOnOrAfter") is not None:
        _refuse(_instant(conditions, "NotOnOrAfter") <= expected.now - LEEWAY, "it has expired")
    audiences = [text_of(each) for each in _one(conditions, a("AudienceRestriction"))]
    # A further audience could use the assertion against us; none is trusted.
    _refuse(audiences != [expected.own], "it is for another audience")


def _name(name: etree._Element, expected: Expected) -> str:
    """Return who it is: a name that its issuer gave for us, and gives to nobody else."""
    text = text_of(name)
    _refuse(name.get("Format") not in _FORMATS, "its NameID is not persistent")
    _refuse(name.get("NameQualifier") not in {None, "", expected.issuer}, "its NameID is another issuer's")
    _refuse(name.get("SPNameQualifier") not in {None, "", expected.own}, "its NameID is for another audience")
    is_name = text.isascii() and text.isprintable() and text == text.strip() and 0 < len(text) <= _LONGEST_SUBJECT
    _refuse(not is_name, "its NameID is no name")
    return text


def _attributes(assertion: etree._Element) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for attribute in assertion.iterfind(f"{a('AttributeStatement')}/{a('Attribute')}"):
        values = [text_of(each).strip() for each in attribute.findall(a("AttributeValue"))]
        found.setdefault(attribute.get("Name", ""), []).extend(filter(None, values))
    return found


def _one(element: etree._Element, tag: str) -> etree._Element:
    found = element.findall(tag)
    if len(found) != 1:
        _refused(f"it has {len(found)} {etree.QName(tag).localname} elements, not one")
    return found[0]


def _is_issuer(element: etree._Element, expected: Expected) -> bool:
    return text_of(element) == expected.issuer and element.get("Format") in {None, _ENTITY}


def _is_encrypted(response: etree._Element) -> bool:
    return response.find(a("EncryptedAssertion")) is not None


def _instant(element: etree._Element, name: str) -> datetime:
    text = element.get(name, "")
    _refuse(_INSTANT.fullmatch(text) is None, f"its {name} is no instant in UTC")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        _refused(f"its {name} is no instant in UTC")


def _tags(element: etree._Element) -> set[str]:
    return {str(each.tag) for each in element}


def _refuse(is_wrong: bool, why: str) -> None:  # noqa: FBT001  (the condition is the sentence's subject)
    if is_wrong:
        _refused(why)


def _refused(why: str) -> Never:
    raise AssertionRefused(f"The provider's response was refused: {why}.")
