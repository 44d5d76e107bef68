"""Access tokens: simplejwt's, signed with a named asymmetric key and checked strictly (RFC 9068, RFC 8725)."""

import time
from datetime import timedelta
from typing import Any, override
from uuid import UUID

import jwt
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken
from rest_framework_simplejwt.tokens import Token

import configs  # noqa: TC001  (annotated at run time)
from apps.identity.keys import key_ring, signing_pair

_TYPE = "at+jwt"
# Whether a signature is right does not change, so a token is checked once in each process; whether it has expired is
# looked at every time, and whether its session and account still live is the principal's query.
_REMEMBERED = 4096
_verified: dict[Any, tuple[str, dict[str, Any]]] = {}
_HEADER = {"alg", "kid", "typ"}
_REQUIRED = ["exp", "iat", "jti", "sub", "iss", "aud", "sid"]


class NamedKeyBackend(TokenBackend):
    """Sign with `kid` and `typ`; verify with the key that `kid` names among ours, and no other way."""

    @override
    def encode(self, payload: dict[str, Any]) -> str:
        pair = signing_pair(at=payload["iat"])
        claims = {**payload, "iss": self.issuer, "aud": self.audience}
        headers = {"kid": pair.public.kid, "typ": _TYPE}
        return jwt.encode(claims, pair.private, algorithm=pair.public.algorithm, headers=headers)

    @override
    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        kid, claims = _verified.get(token) or self._decoded(token, verify=verify)
        if kid not in key_ring().verifying:
            raise TokenBackendError("Token is not one of ours")
        if claims["exp"] <= time.time():
            raise TokenBackendExpiredToken("Token is expired")
        if token not in _verified:
            if len(_verified) >= _REMEMBERED:
                _verified.clear()
            _verified[token] = kid, claims
        return claims

    def _decoded(self, token: Any, *, verify: bool) -> tuple[str, dict[str, Any]]:
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            key = key_ring().verifying.get(kid) if isinstance(kid, str) else None
            # Nothing that we do not write is in the header: no key, no address of one, no critical extension.
            if key is None or header["typ"] != _TYPE or set(header) != _HEADER:
                raise TokenBackendError("Token is not one of ours")
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                audience=self.audience,
                issuer=self.issuer,
                options={"require": _REQUIRED, "verify_signature": verify, "strict_aud": True},
            )
            lifetime = claims["exp"] - claims["iat"]
            for name in ("sub", "sid"):
                UUID(claims[name])
        except jwt.ExpiredSignatureError as error:
            raise TokenBackendExpiredToken("Token is expired") from error
        except (jwt.InvalidTokenError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise TokenBackendError("Token is invalid") from error
        if lifetime > AccessToken.seconds():
            raise TokenBackendError("Token lives too long to be one of ours")
        return str(kid), claims


class AccessToken(Token):
    """Proof for a few minutes of who is asking."""

    token_type = "access"  # noqa: S105  (a kind, not a secret)  # nosec B105
    lifetime = timedelta(seconds=settings.CONFIG.access_token_seconds)
    _token_backend = NamedKeyBackend("EdDSA", issuer=settings.CONFIG.jwt_issuer, audience=settings.CONFIG.jwt_issuer)

    @classmethod
    def issue(cls, *, user_id: UUID, session_id: UUID) -> str:
        """Return a signed token for one user within one session."""
        token = cls()
        token["sub"], token["sid"] = str(user_id), str(session_id)
        return str(token)

    @classmethod
    def seconds(cls) -> int:
        """Return how long a new token is good for."""
        config: configs.Settings = settings.CONFIG
        return config.access_token_seconds
