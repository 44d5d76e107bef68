"""From a bearer token, or a browser's cookie, to a principal: one query."""

import hmac
from hashlib import sha256
from typing import Any, Final, override
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError

from apps.identity import queries
from apps.identity.tokens import AccessToken
from apps.identity.types import Principal

COOKIE: Final = "__Host-session"
CSRF_HEADER: Final = "X-CSRF-Token"
_SAFE: Final = frozenset({"GET", "HEAD"})


class BearerToken(JWTAuthentication):
    """Accept our own access tokens; a user who was switched off is out with the next request."""

    @override
    def get_validated_token(self, raw_token: bytes) -> Any:
        try:
            return AccessToken(raw_token)  # type: ignore[arg-type]  # simplejwt takes the encoded token as well
        except TokenError as error:
            raise AuthenticationFailed(f"{error}. Sign in again or refresh.", code="token_not_valid") from error

    @override
    def get_user(self, validated_token: Any) -> Principal:  # type: ignore[override]  # a value, not a model
        principal = queries.principal(
            user_id=UUID(validated_token["sub"]), session_id=UUID(validated_token["sid"]), at=timezone.now()
        )
        if principal is None:
            raise AuthenticationFailed("This account may not sign in.", code="user_inactive")
        return principal


class SessionCookie(BaseAuthentication):
    """Accept a browser's cookie where nothing else is offered; a write needs our own page's origin and token too.

    Whoever sends `Authorization` is judged by that alone.
    """

    @override
    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        secret = request.COOKIES.get(COOKIE)
        if not secret or "Authorization" in request.headers:
            return None
        principal = queries.principal_of_cookie(secret=secret, at=timezone.now())
        if principal is None:
            raise AuthenticationFailed("This session is over. Sign in again.", code="session_over")
        if request.method not in _SAFE:
            require_own_origin(request)
            given = request.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(given.encode(), csrf_token(secret).encode()):
                raise CrossSite(f"Send the token of this session as {CSRF_HEADER}.")
        return principal, None

    @override
    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class CrossSite(PermissionDenied):
    """A write with a cookie that our own page may not have asked for."""

    problem_code = "cross_site_request"


def require_own_origin(request: Request) -> None:
    """Refuse what another site's page asked for (ASVS V3.5.1); browsers name the origin of every write."""
    if request.headers.get("Origin") != f"{request.scheme}://{request.get_host()}":
        raise CrossSite("The Origin of a request with a cookie must be this service.")


def csrf_token(secret: str) -> str:
    """Return what a page of ours must send with each write of the session whose cookie is `secret`."""
    return hmac.new(settings.SECRET_KEY.encode(), b"csrf " + secret.encode(), sha256).hexdigest()
