"""What an issuer says of itself, and its keys: remembered for a while, asked again at most now and then."""

import base64
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key

from apps.common.outbound import Outbound, OutboundFailed

FRESH: Final = 600.0  # seconds that an answer is used for
COOLDOWN: Final = 30.0  # seconds between two looks for a key that is not there: anybody can name one
_MOST_KEYS: Final = 64
_SMALLEST_RSA: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The part of a discovery document that a relying party needs (OpenID Connect Discovery 1.0, 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    answers_with_iss: bool
    facts: Mapping[str, Any]


@dataclass(slots=True)
class _Known:
    metadata: Metadata
    keys: dict[str, Key]
    read_at: float
    looked_at: float


@dataclass(frozen=True, slots=True)
class Issuers:
    """What this process knows of the issuers that it has asked, by issuer."""

    _known: dict[str, _Known] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def metadata(self, issuer: str, client: Outbound) -> Metadata:
        """Return what the issuer says of itself; raises `OutboundFailed`."""
        return self._current(issuer, client).metadata

    def key(self, issuer: str, kid: str, client: Outbound) -> Key | None:
        """Return the issuer's key of this name, having looked again if it was new; raises `OutboundFailed`."""
        known = self._current(issuer, client)
        if kid in known.keys:
            return known.keys[kid]
        with self._lock:
            if time.monotonic() - known.looked_at < COOLDOWN:
                return known.keys.get(kid)
            known.looked_at = time.monotonic()
        known.keys = read_keys(known.metadata, client)
        return known.keys.get(kid)

    def forget(self) -> None:
        """Ask everybody anew: settings were changed, or a test wants to know."""
        self._known.clear()

    def _current(self, issuer: str, client: Outbound) -> _Known:
        known = self._known.get(issuer)
        if known is None or time.monotonic() - known.read_at > FRESH:
            metadata = read_metadata(issuer, client)
            keys = read_keys(metadata, client)
            # A key that is missing just now may be looked for at once: none was looked for yet.
            known = _Known(metadata, keys, read_at=time.monotonic(), looked_at=-COOLDOWN)
            self._known[issuer] = known
        return known


def read_metadata(issuer: str, client: Outbound) -> Metadata:
    """Ask an issuer for its discovery document; raises `OutboundFailed` unless it speaks for exactly this issuer."""
    reply = client.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if reply.status != 200:  # noqa: PLR2004  (HTTP's OK)
        raise OutboundFailed(f"The issuer has no discovery document (status {reply.status}).")
    facts = reply.json()
    if facts.get("issuer") != issuer:
        raise OutboundFailed("The discovery document is another issuer's.")
    found = [facts.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    urls = [url for url in found if isinstance(url, str)]
    if len(urls) != len(found):
        raise OutboundFailed("The discovery document names no authorization_endpoint, token_endpoint or jwks_uri.")
    for url in urls:
        client.refuse_unless_allowed(url)
    return Metadata(
        authorization_endpoint=urls[0],
        token_endpoint=urls[1],
        jwks_uri=urls[2],
        answers_with_iss=facts.get("authorization_response_iss_parameter_supported") is True,
        facts=facts,
    )


def read_keys(metadata: Metadata, client: Outbound) -> dict[str, Key]:
    """Ask for the issuer's public keys, by name; what is no asymmetric key, or has no name, is left out."""
    reply = client.get(metadata.jwks_uri)
    if reply.status != 200:  # noqa: PLR2004  (HTTP's OK)
        raise OutboundFailed(f"The issuer's keys are not there (status {reply.status}).")
    found = reply.json().get("keys")
    keys: dict[str, Key] = {}
    for each in found[:_MOST_KEYS] if isinstance(found, list) else []:
        kid = each.get("kid") if isinstance(each, dict) else None
        if not isinstance(kid, str) or each.get("kty") not in {"RSA", "EC", "OKP"} or _is_weak(each):
            continue
        if kid in keys:
            raise OutboundFailed("Two of the issuer's keys have one name.")
        try:
            keys[kid] = import_key(each)
        except (JoseError, ValueError, TypeError):
            continue  # a kind of key that this version cannot read is not one that it checks with
    return keys


def _is_weak(jwk: Mapping[str, Any]) -> bool:
    """Tell whether a key is RSA of under 2048 bits (RFC 7518, 3.3)."""
    if jwk["kty"] != "RSA":
        return False
    modulus = jwk.get("n")
    try:
        number = base64.urlsafe_b64decode(f"{modulus}==") if isinstance(modulus, str) else b""
    except ValueError:
        return True
    return int.from_bytes(number).bit_length() < _SMALLEST_RSA
