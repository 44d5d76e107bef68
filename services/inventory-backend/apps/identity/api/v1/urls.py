"""Addresses below /api/v1/identity/."""

from django.urls import path

from apps.identity.api.v1.views import factors, passwords, sessions, tokens

urlpatterns = [
    path("token", tokens.Token.as_view(), name="token"),
    path("token/second-factor", tokens.TokenSecondFactor.as_view(), name="token-second-factor"),
    path("token/refresh", tokens.TokenRefresh.as_view(), name="token-refresh"),
    path("token/revoke", tokens.TokenRevoke.as_view(), name="token-revoke"),
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
    path("proof", sessions.Proof.as_view(), name="proof"),
    path("proof/second-factor", sessions.ProofSecondFactor.as_view(), name="proof-second-factor"),
]
