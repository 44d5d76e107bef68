"""WebAuthn level 3, as the relying party: py_webauthn checks, this says what is expected."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
import webauthn
from django.conf import settings
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import PublicKeyCredentialDescriptor
from webauthn.registration.verify_registration_response import VerifiedRegistration

from apps.identity.models import Passkey, User


class WrongPasskey(ValueError):
    """A passkey signed something else, for somebody else, or not at all."""


def creation_options(user: User, *, challenge: bytes, known: Iterable[Passkey]) -> dict[str, Any]:
    """Return what a browser needs to make a passkey (PublicKeyCredentialCreationOptionsJSON)."""
    options = webauthn.generate_registration_options(
        rp_id=_party(),
        rp_name=_party(),
        user_id=user.pk.bytes,
        user_name=user.username,
        user_display_name=user.name or user.username,
        challenge=challenge,
        exclude_credentials=[_descriptor(passkey) for passkey in known],
    )
    return _plain(options)


def request_options(*, challenge: bytes, known: Iterable[Passkey]) -> dict[str, Any]:
    """Return what a browser needs to sign with one of `known` (PublicKeyCredentialRequestOptionsJSON)."""
    descriptors = [_descriptor(passkey) for passkey in known]
    return _plain(
        webauthn.generate_authentication_options(rp_id=_party(), challenge=challenge, allow_credentials=descriptors)
    )


def registered(credential: Mapping[str, Any], *, challenge: bytes) -> VerifiedRegistration:
    """Return a new passkey's parts; raises `WrongPasskey`."""
    try:
        return webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=_party(),
            expected_origin=_origin(),
        )
    except _MALFORMED as error:
        raise WrongPasskey("This is not a passkey for this service and this challenge.") from error


def signed(credential: Mapping[str, Any], *, challenge: bytes, passkey: Passkey) -> VerifiedAuthentication:
    """Return what `passkey` said when it signed `challenge`; raises `WrongPasskey`."""
    try:
        return webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=_party(),
            expected_origin=_origin(),
            credential_public_key=bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
        )
    except _MALFORMED as error:
        raise WrongPasskey("This passkey did not sign this challenge.") from error


def credential_id_of(credential: Mapping[str, Any]) -> bytes:
    """Return which passkey a browser says that it used; raises `WrongPasskey`."""
    try:
        return webauthn.base64url_to_bytes(credential["rawId"])
    except _MALFORMED as error:
        raise WrongPasskey("rawId is missing or not base64url.") from error


# The library lets through what its decoders say about bytes that strangers made up.
_MALFORMED = (WebAuthnException, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)


def _party() -> str:
    return str(urlsplit(settings.CONFIG.jwt_issuer).hostname)


def _origin() -> str:
    parts = urlsplit(settings.CONFIG.jwt_issuer)
    return f"{parts.scheme}://{parts.netloc}"


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(id=bytes(passkey.credential_id))


def _plain(options: Any) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(webauthn.options_to_json(options))
    return plain
