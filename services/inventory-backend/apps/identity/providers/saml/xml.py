"""XML from strangers: no DTD, no entity, no network, one encoding; and what SAML calls its parts."""

from typing import Final

from lxml import etree

ASSERTION: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
METADATA: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURE: Final = "http://www.w3.org/2000/09/xmldsig#"
PERSISTENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
# Where a document is read, a name stands for itself and a prefix for nothing.
_DECLARATION: Final = b"<?xml "


class XmlRefused(ValueError):
    """This is no XML, or more of it than is read here; the message ends a sentence."""


def a(name: str) -> str:
    """Return an element's name in the namespace of assertions."""
    return f"{{{ASSERTION}}}{name}"


def p(name: str) -> str:
    """Return an element's name in the namespace of the protocol."""
    return f"{{{PROTOCOL}}}{name}"


def md(name: str) -> str:
    """Return an element's name in the namespace of metadata."""
    return f"{{{METADATA}}}{name}"


def ds(name: str) -> str:
    """Return an element's name in the namespace of XML signatures."""
    return f"{{{SIGNATURE}}}{name}"


def read_message(content: bytes) -> etree._Element:
    """Return the root of a message that has elements, attributes and text, and nothing else.

    Comments, processing instructions, CDATA, DTDs and entities begin with characters that a message may hold for
    nothing else. What could be read in two ways is not read. Raises `XmlRefused`.
    """
    if b"<!" in content:
        raise XmlRefused("it has a comment, a DTD or CDATA")
    if content.count(b"<?") > content.startswith(_DECLARATION):
        raise XmlRefused("it has a processing instruction")
    return _parsed(content)


def read_document(content: bytes) -> etree._Element:
    """Return the root of a document that people may have written comments into; raises `XmlRefused`."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise XmlRefused("it has a DTD")
    return _parsed(content)


def text_of(element: etree._Element | None) -> str:
    """Return the text of an element that has only text, else nothing."""
    if element is None or len(element):
        return ""
    return element.text or ""


def _parsed(content: bytes) -> etree._Element:
    parser = etree.XMLParser(
        encoding="utf-8",  # whatever the document says: what was looked for above is then what is read
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise XmlRefused("it is no XML") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise XmlRefused("it has a DTD")
    return root
