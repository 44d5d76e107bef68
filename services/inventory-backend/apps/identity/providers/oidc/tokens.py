"""Is this token what it says? Pure rules, each of which refuses (OpenID Connect Core 3.1.3.7, RFC 8725).

Nothing is taken from a token before its signature was checked, but `alg` and `kid`, which choose among what the
settings and the issuer's own key set allow.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

from apps.identity.providers.protocol import AssertionRefused

LEEWAY: Final = 30  # seconds that two clocks may differ
OLDEST: Final = 600  # seconds since an ID token was issued
_LARGEST: Final = 16 * 1024
_LONGEST_SUBJECT: Final = 255  # OpenID Connect Core, 2
_EMBEDDED: Final = ("jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "cty", "enc")
_LOGOUT: Final = "http://schemas.openid.net/event/backchannel-logout"
_KEY_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "Ed25519": "Ed25519"}

type Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token has to say; `key` returns the issuer's key of that name, or None."""

    issuer: str
    client_id: str
    algorithms: Sequence[str]
    key: Callable[[str], Key | None]
    now: float


def id_token(token: object, expected: Expected, *, nonce: str, access_token: str, code: str) -> Claims:
    """Return the claims of an ID token that came with `access_token` for `code`; raises `AssertionRefused`."""
    header, claims = _signed(token, expected)
    _refuse(header.get("typ", "JWT") not in {"JWT", "jwt"}, "its type is another one")
    _common(claims, expected)
    _refuse("events" in claims, "it is a logout token")
    _refuse(not _is_same(claims.get("nonce"), nonce), "its nonce is another one")
    _subject(claims.get("sub"))
    for name, value in (("at_hash", access_token), ("c_hash", code)):
        if name in claims:
            _refuse(not _is_same(claims[name], half_hash(value, header["alg"])), f"{name} does not match")
    return claims


def logout_token(token: object, expected: Expected) -> Claims:
    """Return the claims of a logout token (OpenID Connect Back-Channel Logout 1.0, 2.6); raises `AssertionRefused`."""
    header, claims = _signed(token, expected)
    typ = header.get("typ")
    _refuse(not isinstance(typ, str) or typ.lower() != "logout+jwt", "its type is not logout+jwt")
    _common(claims, expected)
    _refuse("nonce" in claims, "it has a nonce")
    events = claims.get("events")
    _refuse(not isinstance(events, dict) or not isinstance(events.get(_LOGOUT), dict), "it tells of no logout")
    _refuse(not is_name(claims.get("jti")), "it has no jti")
    _refuse("sub" not in claims and "sid" not in claims, "it names neither subject nor session")
    for name in ("sub", "sid"):
        if name in claims:
            _subject(claims[name])
    return claims


def half_hash(value: str, algorithm: str) -> str:
    """Return the left half of the hash of `value`, as `at_hash` has it (OpenID Connect Core 3.1.3.6).

    >>> half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256")
    '77QmUPtjPfzWtF2AnpK9RQ'
    """
    size = "512" if algorithm == "Ed25519" else algorithm[2:]  # RFC 8032: Ed25519 hashes with SHA-512
    digest = hashlib.new(f"sha{size}", value.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")


def _signed(token: object, expected: Expected) -> tuple[dict[str, Any], Claims]:
    if not isinstance(token, str) or not token.isascii() or len(token) > _LARGEST:
        raise _refused("it is no text of a fair length")
    try:
        header = dict(jws.extract_compact(token.encode()).headers())
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise _refused("it is no signed token") from error
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in expected.algorithms:
        raise _refused("its algorithm is not one that was agreed on")
    _refuse(any(name in header for name in _EMBEDDED), "it brings a key or an extension of its own")
    if not isinstance(kid, str) or not kid:
        raise _refused("it names no key")
    key = expected.key(kid)
    if key is None or not is_key_for(key, algorithm):
        raise _refused("its key is not one of the issuer's")
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    try:
        payload = jws.deserialize_compact(token, key, registry=registry).payload
        claims = msgspec.json.decode(payload, type=dict[str, Any])
    except (JoseError, msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        raise _refused("its signature is wrong") from error
    return header, claims


def is_key_for(key: Key, algorithm: str) -> bool:
    """Tell whether a key of an issuer may check signatures of this algorithm (RFC 8725, 3.1 and 3.5)."""
    facts = key.as_dict(private=False)
    return not (
        facts.get("kty") != _KEY_TYPES.get(algorithm[:2])
        or facts.get("crv") != _CURVES.get(algorithm)
        or facts.get("use", "sig") != "sig"
        or facts.get("alg", algorithm) != algorithm
        or "verify" not in facts.get("key_ops", ["verify"])
    )


def _common(claims: Claims, expected: Expected) -> None:
    _refuse(not _is_same(claims.get("iss"), expected.issuer), "its issuer is another one")
    audience = claims.get("aud")
    # A further audience could use the token against us; none is trusted.
    _refuse(audience not in (expected.client_id, [expected.client_id]), "it is for another audience")
    _refuse(claims.get("azp", expected.client_id) != expected.client_id, "it was issued to another party")
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    _refuse(expires <= expected.now - LEEWAY, "it has expired")
    _refuse(issued > expected.now + LEEWAY, "it is from the future")
    _refuse(issued < expected.now - OLDEST, "it is too old")
    if "nbf" in claims:
        _refuse(_time(claims, "nbf") > expected.now + LEEWAY, "it is not valid yet")


def _time(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(f"it has no {name}")
    return float(value)


def _subject(value: object) -> None:
    _refuse(not is_name(value), "its subject is no name")


def is_name(value: object) -> TypeGuard[str]:
    """Tell whether a value can name a subject or a session: 1 to 255 visible ASCII characters."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST_SUBJECT
        and value.isascii()
        and value.isprintable()
        and value == value.strip()
    )


def _is_same(value: object, wanted: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode("utf-8", "surrogatepass"), wanted.encode())


def _refuse(is_wrong: bool, why: str) -> None:  # noqa: FBT001  (the condition is the sentence's subject)
    if is_wrong:
        raise _refused(why)


def _refused(why: str) -> AssertionRefused:
    return AssertionRefused(f"The provider's token was refused: {why}.")
