"""Addresses below /api/v1/identity/."""

from django.urls import path

from apps.identity.api.v1.views import keys, users
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
    path("users", users.Users.as_view(), name="users"),
    path("users/<str:selector>", users.OneUser.as_view(), name="users-one"),
    path("users/<str:selector>/disable", users.DisableUser.as_view(), name="users-disable"),
    path("users/<str:selector>/enable", users.EnableUser.as_view(), name="users-enable"),
    path("service-accounts", users.ServiceAccounts.as_view(), name="service-accounts"),
    path("service-accounts/<str:selector>", users.OneServiceAccount.as_view(), name="service-accounts-one"),
    path("service-accounts/<str:selector>/disable", users.DisableServiceAccount.as_view()),
    path("service-accounts/<str:selector>/enable", users.EnableServiceAccount.as_view()),
    path("keys", keys.Keys.as_view(), name="keys"),
    path("keys/<str:selector>", keys.OneKey.as_view(), name="keys-one"),
    path("keys/<str:selector>/revoke", keys.RevokeKey.as_view(), name="keys-revoke"),
]
