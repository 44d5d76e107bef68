"""What seals the trail, and what has sealed it."""

import hashlib
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from django.conf import settings

if TYPE_CHECKING:
    import configs


@cache
def signing_key() -> Ed25519PrivateKey:
    """Return the key that seals are signed with."""
    config: configs.Settings = settings.CONFIG
    if config.audit_key is None:
        # Only dev and test come here, as for the keys of access tokens.
        return Ed25519PrivateKey.from_private_bytes(
            hashlib.sha256(b"audit trail" + config.secret_key.get_secret_value().encode()).digest()
        )
    key = load_pem_private_key(config.audit_key.get_secret_value().encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("INVENTORY_AUDIT_KEY must be an Ed25519 key.")
    return key


@cache
def verifying_keys() -> tuple[Ed25519PublicKey, ...]:
    """Return the public half of the key that signs, and the retired ones."""
    config: configs.Settings = settings.CONFIG
    retired = [load_pem_public_key(pem.encode()) for pem in config.audit_retired_public_keys]
    return signing_key().public_key(), *(key for key in retired if isinstance(key, Ed25519PublicKey))


def log_name() -> str:
    """Return the trail's name in its checkpoints, such as `inventory.example.com/audit`."""
    issuer = urlsplit(settings.CONFIG.jwt_issuer)
    return f"{issuer.netloc}{issuer.path.rstrip('/')}/audit"
