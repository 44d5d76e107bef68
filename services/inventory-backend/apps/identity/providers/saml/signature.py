"""Signatures of XML: what is read afterwards is what was signed, and nothing beside it."""

from collections.abc import Sequence
from typing import Final

from cryptography.x509 import Certificate
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from apps.identity.providers.saml.xml import XmlRefused, ds, read_message

_ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
_PARTS: Final = [ds("SignedInfo"), ds("SignatureValue")]
_ALGORITHMS: Final = SignatureConfiguration(
    location="./",
    expect_references=1,
    # Asymmetric ones of at least SHA-256 only: with HMAC, a certificate that everybody has would sign.
    signature_methods=frozenset(
        {
            SignatureMethod.RSA_SHA256,
            SignatureMethod.RSA_SHA384,
            SignatureMethod.RSA_SHA512,
            SignatureMethod.SHA256_RSA_MGF1,
            SignatureMethod.SHA384_RSA_MGF1,
            SignatureMethod.SHA512_RSA_MGF1,
            SignatureMethod.ECDSA_SHA256,
            SignatureMethod.ECDSA_SHA384,
            SignatureMethod.ECDSA_SHA512,
        }
    ),
    digest_algorithms=frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}),
)


def as_signed(element: etree._Element, certificates: Sequence[Certificate]) -> etree._Element:
    """Return `element` as one of `certificates` signed it: parsed anew from the bytes that the signature covers.

    The element is looked at alone, so that its signature can refer to nothing else (SAML Core 5.4.2). Raises
    `XmlRefused`.
    """
    alone = read_message(etree.tostring(element, with_tail=False))
    signatures = alone.findall(ds("Signature"))
    if len(signatures) != 1:
        raise XmlRefused("it is not signed" if not signatures else "it is signed twice")
    _refuse_unless_plain(signatures[0], alone.get("ID", ""))
    signed = _verified(alone, certificates)
    if signed is None or (signed.tag, signed.get("ID")) != (alone.tag, alone.get("ID")):
        raise XmlRefused("its signature is not over it")
    return signed


def _refuse_unless_plain(signature: etree._Element, name: str) -> None:
    """Refuse what SAML Core 5.4 does not allow: objects, other references and other transforms."""
    parts = [part.tag for part in signature]
    if parts not in (_PARTS, [*_PARTS, ds("KeyInfo")]):
        raise XmlRefused("its signature has unusual parts")
    info = signature[0]
    if [part.tag for part in info] != [ds("CanonicalizationMethod"), ds("SignatureMethod"), ds("Reference")]:
        raise XmlRefused("its signature has not one reference")
    reference = info[2]
    if not name or reference.get("URI") != f"#{name}":
        raise XmlRefused("its signature is not over it")
    transforms = [each.get("Algorithm") for each in reference.iter(ds("Transform"))]
    if transforms != [_ENVELOPED, _EXCLUSIVE] or info[0].get("Algorithm") != _EXCLUSIVE:
        raise XmlRefused("its signature has another transform")
    # Whose key it is, the metadata says; what the message says of it is not even looked at.
    for key_info in signature.findall(ds("KeyInfo")):
        signature.remove(key_info)


def _verified(alone: etree._Element, certificates: Sequence[Certificate]) -> etree._Element | None:
    for certificate in certificates:
        try:
            result = XMLVerifier().verify(alone, x509_cert=certificate, id_attribute="ID", expect_config=_ALGORITHMS)
        except (SignXMLException, etree.LxmlError, ValueError, TypeError):
            continue
        return result.signed_xml if isinstance(result, VerifyResult) else None
    raise XmlRefused("its signature is wrong")
