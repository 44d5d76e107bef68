"""Writes. Nothing else in the project changes who may do what."""

from apps.identity.actions.administrators import LastAdministrator
from apps.identity.actions.authority import HoldsMore, SessionRequired
from apps.identity.actions.bindings import AlreadyBound, bind_role, grant_role, revoke_role, unbind_role
from apps.identity.actions.delegation import BeyondOwnGrants, require_held
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
from apps.identity.actions.federation import come_back, depart, log_out_from_there
from apps.identity.actions.groups import (
    AlreadyMember,
    add_member,
    change_group,
    create_group,
    delete_group,
    remove_member,
)
from apps.identity.actions.hand_overs import finish_proof_elsewhere, hand_over
from apps.identity.actions.keys import LONGEST_LIFE, create_key, note_key_use, revoke_key
from apps.identity.actions.passwords import accept_invitation, change_password, invite, request_reset, reset_password
from apps.identity.actions.providers import (
    change_provider,
    create_provider,
    delete_provider,
    disable_provider,
    enable_provider,
    test_provider,
)
from apps.identity.actions.roles import BuiltinRole, change_role, create_role, delete_role, sync_roles
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
    OtherProofRequired,
    begin_proving_again,
    finish_proving_again,
    finish_sign_in,
    finish_sign_in_browser,
    prove_again,
    sign_in,
    sign_in_browser,
)
from apps.identity.actions.throttle import FULL_BUDGET, TooManyTries
from apps.identity.actions.users import (
    change_user,
    create_service_account,
    create_user,
    disable_user,
    enable_user,
    set_password,
)

__all__ = [
    "FULL_BUDGET",
    "LONGEST_LIFE",
    "AlreadyBound",
    "AlreadyMember",
    "AlreadySetUp",
    "BeyondOwnGrants",
    "BuiltinRole",
    "HoldsMore",
    "LastAdministrator",
    "OtherProofRequired",
    "SecondFactorRequired",
    "SessionRequired",
    "SignInRefused",
    "TooManyTries",
    "accept_invitation",
    "add_member",
    "add_passkey",
    "begin_browser_session",
    "begin_passkey",
    "begin_proving_again",
    "begin_session",
    "begin_totp",
    "bind_role",
    "change_group",
    "change_password",
    "change_provider",
    "change_role",
    "change_user",
    "come_back",
    "confirm_totp",
    "create_group",
    "create_key",
    "create_provider",
    "create_role",
    "create_service_account",
    "create_user",
    "delete_group",
    "delete_provider",
    "delete_role",
    "depart",
    "disable_provider",
    "disable_user",
    "enable_provider",
    "enable_user",
    "end_session",
    "end_sessions",
    "finish_proof_elsewhere",
    "finish_proving_again",
    "finish_sign_in",
    "finish_sign_in_browser",
    "grant_role",
    "hand_over",
    "invite",
    "log_out_from_there",
    "note_key_use",
    "passkey_options",
    "prove_again",
    "refresh_session",
    "remove_factors",
    "remove_member",
    "remove_passkey",
    "remove_totp",
    "replace_recovery_codes",
    "request_reset",
    "require_held",
    "reset_password",
    "revoke_key",
    "revoke_role",
    "revoke_session",
    "set_password",
    "sign_in",
    "sign_in_browser",
    "sync_roles",
    "test_provider",
    "unbind_role",
]
