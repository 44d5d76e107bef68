"""Responses that say something else around what was signed: the wrappings of signatures, and their relatives."""

import copy

from lxml import etree

from apps.identity.providers.saml.xml import a, ds, p


def renamed(element: etree._Element) -> None:
    name = element.find(f".//{a('NameID')}")
    assert name is not None
    name.text = "vera-over-there"


def evil_copy(original: etree._Element, *, name: str = "evil") -> etree._Element:
    """Return a copy of an assertion that says somebody else, and has no signature."""
    evil = copy.deepcopy(original)
    renamed(evil)
    evil.set("ID", name)
    for signature in evil.findall(ds("Signature")):
        evil.remove(signature)
    return evil


def parts(response: etree._Element) -> tuple[etree._Element, etree._Element]:
    assertion = response.find(a("Assertion"))
    assert assertion is not None
    signature = assertion.find(ds("Signature"))
    assert signature is not None
    return assertion, signature


def xsw1(response: etree._Element) -> None:
    """Say a new response around the signed one, which its signature keeps."""
    original = copy.deepcopy(response)
    signature = original.find(ds("Signature"))
    assert signature is not None
    original.remove(signature)
    own = response.find(ds("Signature"))
    assert own is not None
    own.append(original)
    response.set("ID", "evil-response")
    renamed(response)


def xsw2(response: etree._Element) -> None:
    """Put the signed response before the signature, detached."""
    original = copy.deepcopy(response)
    signature, own = original.find(ds("Signature")), response.find(ds("Signature"))
    assert signature is not None
    assert own is not None
    original.remove(signature)
    own.addprevious(original)
    response.set("ID", "evil-response")
    renamed(response)


def xsw3(response: etree._Element) -> None:
    assertion, _ = parts(response)
    assertion.addprevious(evil_copy(assertion))


def xsw4(response: etree._Element) -> None:
    assertion, _ = parts(response)
    evil = evil_copy(assertion)
    response.replace(assertion, evil)
    evil.append(assertion)


def xsw5(response: etree._Element) -> None:
    assertion, _ = parts(response)
    original = copy.deepcopy(assertion)
    original.remove(original.findall(ds("Signature"))[0])
    renamed(assertion)
    assertion.set("ID", "evil")
    response.append(original)


def xsw6(response: etree._Element) -> None:
    assertion, signature = parts(response)
    original = copy.deepcopy(assertion)
    original.remove(original.findall(ds("Signature"))[0])
    renamed(assertion)
    assertion.set("ID", "evil")
    signature.append(original)


def xsw7(response: etree._Element) -> None:
    assertion, _ = parts(response)
    extensions = etree.Element(p("Extensions"))
    extensions.append(evil_copy(assertion, name=assertion.get("ID", "")))
    assertion.addprevious(extensions)


def xsw8(response: etree._Element) -> None:
    assertion, signature = parts(response)
    original = copy.deepcopy(assertion)
    original.remove(original.findall(ds("Signature"))[0])
    renamed(assertion)
    etree.SubElement(signature, ds("Object")).append(original)


def same_id(response: etree._Element) -> None:
    """Say two things by one name."""
    assertion, _ = parts(response)
    assertion.addprevious(evil_copy(assertion, name=assertion.get("ID", "")))


def subject_outside(response: etree._Element) -> None:
    assertion, _ = parts(response)
    renamed(assertion)


def signature_moved(response: etree._Element) -> None:
    """Take the assertion's signature for the response's."""
    _, signature = parts(response)
    response.insert(1, signature)


def encrypted(response: etree._Element) -> None:
    assertion, _ = parts(response)
    sealed = etree.Element(a("EncryptedAssertion"))
    etree.SubElement(sealed, "{http://www.w3.org/2001/04/xmlenc#}EncryptedData")
    response.replace(assertion, sealed)


def assertion_elsewhere(response: etree._Element) -> None:
    """Put the one assertion where nobody looks for it, or everybody."""
    assertion, _ = parts(response)
    extensions = etree.Element(p("Extensions"))
    assertion.addprevious(extensions)
    extensions.append(assertion)


def name_twice(response: etree._Element) -> None:
    assertion, _ = parts(response)
    response.findall(p("Status"))[0].set("ID", assertion.get("ID", ""))


def signature_elsewhere(response: etree._Element) -> None:
    _, signature = parts(response)
    response.findall(p("Status"))[0].append(copy.deepcopy(signature))


def without_status(response: etree._Element) -> None:
    for each in response.findall(p("Status")):
        response.remove(each)
