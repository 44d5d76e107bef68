"""Secrets that the service must be able to read again, sealed with a key that the database does not have."""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE: Final = 12


class Unsealable(ValueError):
    """A sealed secret was not sealed with this deployment's key, or for something else."""


def seal(secret: bytes, *, purpose: str) -> bytes:
    """Return `secret` encrypted with AES-256-GCM, bound to `purpose`."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + _cipher().encrypt(nonce, secret, purpose.encode())


def unseal(sealed: bytes, *, purpose: str) -> bytes:
    """Return what was sealed for `purpose`; raises `Unsealable` for anything else."""
    try:
        return _cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
    except InvalidTag as error:
        raise Unsealable("Was INVENTORY_SECRET_KEY replaced? Second factors then have to be set up again.") from error


def _cipher() -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"inventory sealed secrets")
    return AESGCM(derived.derive(settings.SECRET_KEY.encode()))
