"""From an access token or an API key to a principal, with one query."""

from datetime import datetime, timedelta
from typing import Any, Final, override
from uuid import UUID

import structlog
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError

from apps.identity import actions, api_keys, queries
from apps.identity.tokens import AccessToken
from apps.identity.types import FoundKey, Principal

log = structlog.get_logger(__name__)

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
