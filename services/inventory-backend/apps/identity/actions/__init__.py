"""Writes. Nothing else in the project changes who may do what."""

from apps.identity.actions.factors import (
    AlreadySetUp,
    add_passkey,
    begin_passkey,
    begin_totp,
    confirm_totp,
    remove_factors,
    remove_passkey,
    remove_totp,
    replace_recovery_codes,
)
from apps.identity.actions.passwords import (
    accept_invitation,
    change_password,
    invite,
    request_reset,
    reset_password,
    set_password,
)
from apps.identity.actions.roles import grant_role, sync_roles
from apps.identity.actions.second_factor import SecondFactorRequired, SignInRefused, passkey_options
from apps.identity.actions.sessions import (
    begin_browser_session,
    begin_session,
    end_session,
    end_sessions,
    refresh_session,
    revoke_session,
)
from apps.identity.actions.sign_in import (
    finish_proving_again,
    finish_sign_in,
    finish_sign_in_browser,
    prove_again,
    sign_in,
    sign_in_browser,
)
from apps.identity.actions.throttle import FULL_BUDGET, TooManyTries
from apps.identity.actions.users import MayDoMore, create_user

__all__ = [
    "FULL_BUDGET",
    "AlreadySetUp",
    "MayDoMore",
    "SecondFactorRequired",
    "SignInRefused",
    "TooManyTries",
    "accept_invitation",
    "add_passkey",
    "begin_browser_session",
    "begin_passkey",
    "begin_session",
    "begin_totp",
    "change_password",
    "confirm_totp",
    "create_user",
    "end_session",
    "end_sessions",
    "finish_proving_again",
    "finish_sign_in",
    "finish_sign_in_browser",
    "grant_role",
    "invite",
    "passkey_options",
    "prove_again",
    "refresh_session",
    "remove_factors",
    "remove_passkey",
    "remove_totp",
    "replace_recovery_codes",
    "request_reset",
    "reset_password",
    "revoke_session",
    "set_password",
    "sign_in",
    "sign_in_browser",
    "sync_roles",
]
