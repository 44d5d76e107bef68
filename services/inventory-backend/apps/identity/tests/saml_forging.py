"""Ways to make a right response wrong: said before it is signed, or changed afterwards."""

import copy
from collections.abc import Callable
from typing import Final

from lxml import etree

from apps.identity.providers.saml.xml import ds
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
