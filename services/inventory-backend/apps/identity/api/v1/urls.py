"""Addresses below /api/v1/identity/."""

from django.urls import path

from apps.identity.api.v1.views import factors, keys, passwords, proofs, sessions, tokens, users
from apps.identity.api.v1.views.bindings import Bindings, OneBinding
from apps.identity.api.v1.views.explain import Explain
from apps.identity.api.v1.views.federation import BackchannelLogout, Callback, Link, Start, TokenHandOver, WaysIn
from apps.identity.api.v1.views.groups import Groups, Members, OneGroup, OneMember
from apps.identity.api.v1.views.providers import DisableProvider, EnableProvider, OneProvider, Providers, TestProvider
from apps.identity.api.v1.views.roles import OneRole, Roles

urlpatterns = [
    path("token", tokens.Token.as_view(), name="token"),
    path("token/second-factor", tokens.TokenSecondFactor.as_view(), name="token-second-factor"),
    path("token/refresh", tokens.TokenRefresh.as_view(), name="token-refresh"),
    path("token/revoke", tokens.TokenRevoke.as_view(), name="token-revoke"),
    path("token/hand-over", TokenHandOver.as_view(), name="token-hand-over"),
    path("second-factor/passkey", tokens.PasskeyOptions.as_view(), name="passkey-options"),
    path("jwks", tokens.Keys.as_view(), name="jwks"),
    path("session", sessions.SignInBrowser.as_view(), name="session"),
    path("session/second-factor", sessions.BrowserSecondFactor.as_view(), name="session-second-factor"),
    path("session/current", sessions.CurrentBrowser.as_view(), name="session-current"),
    path("sessions", sessions.Sessions.as_view(), name="sessions"),
    path("sessions/<str:session_id>", sessions.SessionOne.as_view(), name="sessions-one"),
    path("factors", factors.Factors.as_view(), name="factors"),
    path("factors/totp", factors.Totp.as_view(), name="factors-totp"),
    path("factors/totp/confirm", factors.TotpConfirmation.as_view(), name="factors-totp-confirm"),
    path("factors/passkeys", factors.Passkeys.as_view(), name="factors-passkeys"),
    path("factors/passkeys/options", factors.PasskeyBegin.as_view(), name="factors-passkeys-options"),
    path("factors/passkeys/<str:passkey_id>", factors.PasskeyOne.as_view(), name="factors-passkeys-one"),
    path("factors/recovery-codes", factors.RecoveryCodes.as_view(), name="factors-recovery-codes"),
    path("users/<str:user_id>/factors", factors.LostFactors.as_view(), name="users-factors"),
    path("password", passwords.Password.as_view(), name="password"),
    path("password/reset", passwords.Reset.as_view(), name="password-reset"),
    path("password/reset/confirm", passwords.ResetConfirmation.as_view(), name="password-reset-confirm"),
    path("invitations", passwords.Invitations.as_view(), name="invitations"),
    path("invitations/accept", passwords.InvitationAcceptance.as_view(), name="invitations-accept"),
    path("proof", proofs.Proof.as_view(), name="proof"),
    path("proof/second-factor", proofs.ProofSecondFactor.as_view(), name="proof-second-factor"),
    path("proof/challenge", proofs.ProofChallenge.as_view(), name="proof-challenge"),
    path("proof/hand-over", proofs.ProofHandOver.as_view(), name="proof-hand-over"),
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
    path("providers", Providers.as_view(), name="providers"),
    path("providers/enabled", WaysIn.as_view(), name="ways-in"),
    path("providers/<str:selector>", OneProvider.as_view(), name="providers-one"),
    path("providers/<str:selector>/test", TestProvider.as_view(), name="provider-test"),
    path("providers/<str:selector>/enable", EnableProvider.as_view(), name="provider-enable"),
    path("providers/<str:selector>/disable", DisableProvider.as_view(), name="provider-disable"),
    path("providers/<str:code>/start", Start.as_view(), name="provider-start"),
    path("providers/<str:code>/link", Link.as_view(), name="provider-link"),
    path("providers/<str:code>/proof", proofs.ProofElsewhere.as_view(), name="provider-proof"),
    path("providers/<str:code>/callback", Callback.as_view(), name="provider-callback"),
    path("providers/<str:code>/backchannel-logout", BackchannelLogout.as_view(), name="provider-logout"),
]
