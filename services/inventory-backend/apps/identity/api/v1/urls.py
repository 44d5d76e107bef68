"""Addresses below /api/v1/identity/."""

from django.urls import path

from apps.identity.api.v1.views.sessions import Keys, Token, TokenRefresh, TokenRevoke

urlpatterns = [
    path("token", Token.as_view(), name="token"),
    path("token/refresh", TokenRefresh.as_view(), name="token-refresh"),
    path("token/revoke", TokenRevoke.as_view(), name="token-revoke"),
    path("jwks", Keys.as_view(), name="jwks"),
]
