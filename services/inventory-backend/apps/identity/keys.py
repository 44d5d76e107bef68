"""The keys that access tokens are signed and checked with; each has a `kid`, so that they can be replaced."""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

import configs

type PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey
type PublicKey = Ed25519PublicKey | EllipticCurvePublicKey

_JWK_MEMBERS: Final = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key under its name; `kid` is the RFC 7638 thumbprint of its JWK."""

    kid: str
    algorithm: str
    key: PublicKey
    jwk: dict[str, str]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The one key that signs, and all that verify."""

    signing_key: PrivateKey
    signing_kid: str
    algorithm: str
    verifying: dict[str, VerifyingKey]


@cache
def key_ring() -> KeyRing:
    """Return the keys of this deployment."""
    config: configs.Settings = settings.CONFIG
    private = _private_key(config)
    current = _verifying(private.public_key())
    retired = [_verifying(_public_key(pem)) for pem in config.jwt_retired_public_keys]
    return KeyRing(private, current.kid, current.algorithm, {key.kid: key for key in [current, *retired]})


def _private_key(config: configs.Settings) -> PrivateKey:
    if config.jwt_private_key is None:
        # Only dev and test come here (configs insists on a key in production): all of their processes must agree
        # on one key, and none must lie in the repository.
        seed = hashlib.sha256(b"access tokens" + config.secret_key.get_secret_value().encode()).digest()
        return Ed25519PrivateKey.from_private_bytes(seed)
    pem = config.jwt_private_key.get_secret_value().encode()
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey):
        raise TypeError("INVENTORY_JWT_PRIVATE_KEY must be an Ed25519 or EC P-256 key.")
    return key


def _public_key(pem: str) -> PublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, Ed25519PublicKey | EllipticCurvePublicKey):
        raise TypeError("INVENTORY_JWT_RETIRED_PUBLIC_KEYS must be Ed25519 or EC P-256 keys.")
    return key


def _verifying(key: PublicKey) -> VerifyingKey:
    jwk: dict[str, Any]
    if isinstance(key, Ed25519PublicKey):
        algorithm, jwk = "EdDSA", OKPAlgorithm.to_jwk(key, as_dict=True)
    else:
        algorithm, jwk = "ES256", ECAlgorithm.to_jwk(key, as_dict=True)
    members = {name: str(jwk[name]) for name in _JWK_MEMBERS[jwk["kty"]]}
    kid = hashlib.sha256(msgspec.json.encode(members, order="sorted")).hexdigest()[:32]
    return VerifyingKey(kid, algorithm, key, {**members, "kid": kid, "use": "sig", "alg": algorithm})
