"""From an access token, an API key or a browser's cookie to a principal, with one query."""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, override
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError

from apps.identity import actions, api_keys, queries
from apps.identity.tokens import AccessToken
from apps.identity.types import FoundKey, Principal

log = structlog.get_logger(__name__)

COOKIE: Final = "__Host-session"
CSRF_HEADER: Final = "X-CSRF-Token"
_SAFE: Final = frozenset({"GET", "HEAD"})
_OFFERS: Final = frozenset({"Authorization", "Api-Key"})
_NOTED_EVERY: Final = timedelta(minutes=1)


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


class ApiKey(BaseAuthentication):
    """Accept an API key, as `Api-Key: inv_...` or as `Authorization: Bearer inv_...`."""

    @override
    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        text = _key_in(request)
        if text is None:
            return None
        prefix, at = api_keys.prefix_of(text), timezone.now()
        found = queries.find_key(prefix=prefix, at=at) if prefix else None
        refusal = api_keys.refusal_of(text, found, ip=getattr(request, "client_ip", None), at=at)
        if found is None or refusal is not None:
            log.warning("api_key.refused", prefix=prefix, reason=refusal)
            raise AuthenticationFailed(refusal, code="api_key_refused")
        _note_use(found, at)
        return found.principal, "api-key"

    @override
    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionCookie(BaseAuthentication):
    """Accept a browser's cookie where nothing else is offered; a write needs our own page's origin and token too.

    Whoever sends `Authorization` or `Api-Key` is judged by that alone.
    """

    @override
    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        secret = request.COOKIES.get(COOKIE)
        if not secret or not _OFFERS.isdisjoint(request.headers):
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


def _key_in(request: Request) -> str | None:
    """Return what came as an API key, empty where the header was; None where none came."""
    header, authorization = request.headers.get("Api-Key"), request.headers.get("Authorization", "")
    if header is not None:
        if authorization:
            raise AuthenticationFailed("Send Api-Key or Authorization, not both.", code="two_credentials")
        return header
    scheme, _, credentials = authorization.partition(" ")
    is_key = scheme.lower() == "bearer" and credentials.strip().startswith(api_keys.START)
    return credentials.strip() if is_key else None


def _note_use(found: FoundKey, at: datetime) -> None:
    """Keep `last_used_at` true to the minute, at the cost of one write a minute and not of one a request."""
    if found.last_used_at is None or at - found.last_used_at >= _NOTED_EVERY:
        actions.note_key_use(key_id=found.id, at=at)
