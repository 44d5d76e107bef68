"""Addresses below /api/v1/identity/."""

from django.urls import path

from apps.identity.api.v1.views.bindings import Bindings, OneBinding
from apps.identity.api.v1.views.explain import Explain
from apps.identity.api.v1.views.groups import Groups, Members, OneGroup, OneMember
from apps.identity.api.v1.views.roles import OneRole, Roles
from apps.identity.api.v1.views.sessions import Keys, Token, TokenRefresh, TokenRevoke

urlpatterns = [
    path("token", Token.as_view(), name="token"),
    path("token/refresh", TokenRefresh.as_view(), name="token-refresh"),
    path("token/revoke", TokenRevoke.as_view(), name="token-revoke"),
    path("jwks", Keys.as_view(), name="jwks"),
    path("roles", Roles.as_view(), name="roles"),
    path("roles/<str:selector>", OneRole.as_view(), name="roles-one"),
    path("groups", Groups.as_view(), name="groups"),
    path("groups/<str:selector>", OneGroup.as_view(), name="groups-one"),
    path("groups/<str:selector>/members", Members.as_view(), name="members"),
    path("groups/<str:selector>/members/<str:user>", OneMember.as_view(), name="members-one"),
    path("bindings", Bindings.as_view(), name="bindings"),
    path("bindings/<str:selector>", OneBinding.as_view(), name="bindings-one"),
    path("explain", Explain.as_view(), name="explain"),
]
