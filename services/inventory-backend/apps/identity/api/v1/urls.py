"""Addresses below /api/v1/identity/."""

from django.urls import path

from apps.identity.api.v1.views.federation import BackchannelLogout, Callback, Link, Start, TokenHandOver, WaysIn
from apps.identity.api.v1.views.providers import DisableProvider, EnableProvider, OneProvider, Providers, TestProvider
from apps.identity.api.v1.views.sessions import Keys, Token, TokenRefresh, TokenRevoke

urlpatterns = [
    path("token", Token.as_view(), name="token"),
    path("token/refresh", TokenRefresh.as_view(), name="token-refresh"),
    path("token/revoke", TokenRevoke.as_view(), name="token-revoke"),
    path("jwks", Keys.as_view(), name="jwks"),
    path("token/hand-over", TokenHandOver.as_view(), name="token-hand-over"),
    path("providers", Providers.as_view(), name="providers"),
    path("providers/enabled", WaysIn.as_view(), name="ways-in"),
    path("providers/<str:selector>", OneProvider.as_view(), name="providers-one"),
    path("providers/<str:selector>/test", TestProvider.as_view(), name="provider-test"),
    path("providers/<str:selector>/enable", EnableProvider.as_view(), name="provider-enable"),
    path("providers/<str:selector>/disable", DisableProvider.as_view(), name="provider-disable"),
    path("providers/<str:code>/start", Start.as_view(), name="provider-start"),
    path("providers/<str:code>/link", Link.as_view(), name="provider-link"),
    path("providers/<str:code>/callback", Callback.as_view(), name="provider-callback"),
    path("providers/<str:code>/backchannel-logout", BackchannelLogout.as_view(), name="provider-logout"),
]
