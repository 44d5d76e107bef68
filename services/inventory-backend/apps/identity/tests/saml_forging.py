"""Ways to make a right response wrong: said before it is signed, or changed afterwards."""

import copy
from collections.abc import Callable
from typing import Final

from lxml import etree

from apps.identity.providers.saml.xml import a, ds, p
from apps.identity.tests.saml import Forged, instant

type Forge = Callable[[Forged], object]
type Touch = Callable[[etree._Element], object]  # noqa: SLF001  (lxml has no public name for an element)
BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
PERSISTENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
SUCCESS: Final = "urn:oasis:names:tc:SAML:2.0:status:Success"


def said(old: str, new: str) -> Forge:
    """Say something else in the assertion, and sign that."""

    def forge(forged: Forged) -> None:
        assert old in forged.xml
        forged.xml = forged.xml.replace(old, new)

    return forge


def answered(old: str, new: str) -> Forge:
    """Say something else in the response around the assertion."""

    def forge(forged: Forged) -> None:
        assert old in forged.response
        forged.response = forged.response.replace(old, new)

    return forge


def both(old: str, new: str) -> Forge:
    return lambda forged: (said(old, new)(forged), answered(old, new)(forged))


def signs(**how: object) -> Forge:
    def forge(forged: Forged) -> None:
        for name, value in how.items():
            setattr(forged, name, value)

    return forge


def dressed(touch: Touch) -> Forge:
    """Change the assertion after it was signed."""
    return lambda forged: setattr(forged, "dress", touch)


def wrapped(touch: Touch, *, signed: bool = False) -> Forge:
    """Change the response after it was signed."""
    return signs(wrap=touch, is_response_signed=signed)


def touched(touch: Callable[[bytes], bytes]) -> Forge:
    return signs(touch=touch)


def encoded(encode: Callable[[bytes], str]) -> Forge:
    return signs(encode=encode)


def replaced(old: bytes, new: bytes) -> Forge:
    def touch(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, 1)

    return touched(touch)


def timed(name: str, seconds: float, path: str | None = None) -> Forge:
    """Set each time of this name in the assertion, or only those at a path, to so many seconds from now."""

    def forge(forged: Forged) -> None:
        root = etree.fromstring(forged.xml)
        for element in root.iter() if path is None else root.iterfind(path):
            if name in element.attrib:
                element.set(name, instant(seconds))
        forged.xml = etree.tostring(root).decode()

    return forge


def without(path: str) -> Forge:
    """Leave an element out of the assertion, and sign that."""

    def forge(forged: Forged) -> None:
        root = etree.fromstring(forged.xml)
        for element in root.findall(path):
            parent = element.getparent()
            assert parent is not None
            parent.remove(element)
        forged.xml = etree.tostring(root).decode()

    return forge


def lacking(name: str) -> Forge:
    """Leave an attribute out of the assertion, and sign that."""

    def forge(forged: Forged) -> None:
        root = etree.fromstring(forged.xml)
        for element in root.iter():
            if name in element.attrib:
                del element.attrib[name]
        forged.xml = etree.tostring(root).decode()

    return forge


def twice(path: str) -> Forge:
    def forge(forged: Forged) -> None:
        root = etree.fromstring(forged.xml)
        found = root.find(path)
        assert found is not None
        found.addnext(copy.deepcopy(found))
        forged.xml = etree.tostring(root).decode()

    return forge


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


def reference(uri: str) -> Touch:
    def touch(assertion: etree._Element) -> None:
        reference = assertion.find(f".//{ds('Reference')}")
        assert reference is not None
        reference.set("URI", uri)

    return touch


def transform(algorithm: str) -> Touch:
    def touch(assertion: etree._Element) -> None:
        transforms = assertion.find(f".//{ds('Transforms')}")
        assert transforms is not None
        etree.SubElement(transforms, ds("Transform")).set("Algorithm", algorithm)

    return touch


def without_signature_value(assertion: etree._Element) -> None:
    value = assertion.find(f".//{ds('SignatureValue')}")
    assert value is not None
    value.text = ""


def dtd(subset: bytes) -> Callable[[bytes], bytes]:
    return lambda content: b"<!DOCTYPE Response [" + subset + b"]>" + content


LAUGHS: Final = b'<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (each, b"&%c;" % (each - 1) * 10) for each in range(98, 108)
)
NAME: Final = b">ada-over-there<"


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


def signed_twice(assertion: etree._Element) -> None:
    signature = assertion.findall(ds("Signature"))[0]
    signature.addnext(copy.deepcopy(signature))


def with_object(assertion: etree._Element) -> None:
    etree.SubElement(assertion.findall(ds("Signature"))[0], ds("Object"))


def canonical(assertion: etree._Element) -> None:
    method = next(assertion.iter(ds("CanonicalizationMethod")))
    method.set("Algorithm", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315")


def with_another_key(assertion: etree._Element) -> None:
    """Say of the signature that another key made it."""
    key_info = next(assertion.iter(ds("KeyInfo")))
    for each in key_info:
        key_info.remove(each)
    value = etree.SubElement(etree.SubElement(key_info, ds("KeyValue")), ds("RSAKeyValue"))
    etree.SubElement(value, ds("Modulus")).text = "AQAB"
    etree.SubElement(value, ds("Exponent")).text = "AQAB"


def without_status(response: etree._Element) -> None:
    for each in response.findall(p("Status")):
        response.remove(each)
