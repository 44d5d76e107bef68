"""From a bearer token to a principal, with one query."""

from typing import Any, override
from uuid import UUID

from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError

from apps.identity import queries
from apps.identity.tokens import AccessToken
from apps.identity.types import Principal


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
