"""The keys that access tokens are signed and checked with; each has a `kid`, so that they can be replaced.

A new key is shown for ten minutes before it signs, so that whoever keeps a copy of the public keys has it by then. When
it was first shown is in the database, so that all processes change over together.
"""

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
from apps.common.db import rows

type PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey
type PublicKey = Ed25519PublicKey | EllipticCurvePublicKey

PUBLISHED_BEFORE_SECONDS: Final = 600
# Setting a column to itself makes the row that is there already an answer.
_PUBLISH: Final = """
INSERT INTO identity_signing_key AS known (kid) VALUES (%s)
ON CONFLICT (kid) DO UPDATE SET published_at = known.published_at RETURNING published_at
"""
_JWK_MEMBERS: Final = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key under its name; `kid` is the RFC 7638 thumbprint of its JWK."""

    kid: str
    algorithm: str
    key: PublicKey
    jwk: dict[str, str]


@dataclass(frozen=True, slots=True)
class SigningPair:
    """A private key, with the public one that goes with it."""

    private: PrivateKey
    public: VerifyingKey


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key that signs, the one that it replaces where there is one, and all that verify."""

    newest: SigningPair
    previous: SigningPair | None
    verifying: dict[str, VerifyingKey]


@cache
def key_ring() -> KeyRing:
    """Return the keys of this deployment."""
    config: configs.Settings = settings.CONFIG
    newest = _pair(_private_key(config))
    previous = config.jwt_previous_private_key
    older = None if previous is None else _pair(_loaded(previous.get_secret_value()))
    retired = [_verifying(_public_key(pem)) for pem in config.jwt_retired_public_keys]
    known = [newest.public, *([older.public] if older else []), *retired]
    return KeyRing(newest, older, {key.kid: key for key in known})


def signing_pair(*, at: float) -> SigningPair:
    """Return the pair that signs at `at` (seconds since 1970): the newest, once it was public for long enough."""
    ring = key_ring()
    if ring.previous is None or at >= _signs_from(ring.newest.public.kid):
        return ring.newest
    return ring.previous


@cache
def _signs_from(kid: str) -> float:
    # The clock is the database's, which all processes share; the first of them writes the row.
    published = rows(_PUBLISH, [kid])[0][0]
    return float(published.timestamp()) + PUBLISHED_BEFORE_SECONDS


def publish_newest() -> None:
    """Note that the newest key is being shown, where another one still signs."""
    ring = key_ring()
    if ring.previous is not None:
        _signs_from(ring.newest.public.kid)


def forget_keys() -> None:
    """Read the keys anew at their next use."""
    key_ring.cache_clear()
    _signs_from.cache_clear()


def _pair(private: PrivateKey) -> SigningPair:
    return SigningPair(private, _verifying(private.public_key()))


def _private_key(config: configs.Settings) -> PrivateKey:
    if config.jwt_private_key is None:
        # Only dev and test come here (configs insists on a key in production): all of their processes must agree
        # on one key, and none must lie in the repository.
        seed = hashlib.sha256(b"access tokens" + config.secret_key.get_secret_value().encode()).digest()
        return Ed25519PrivateKey.from_private_bytes(seed)
    return _loaded(config.jwt_private_key.get_secret_value())


def _loaded(pem: str) -> PrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey):
        raise TypeError("INVENTORY_JWT_(PREVIOUS_)PRIVATE_KEY must be an Ed25519 or EC P-256 key.")
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
