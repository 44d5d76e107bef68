"""Writes. Nothing else in the project changes who may do what."""

from apps.identity.actions.authority import HoldsMore, SessionRequired
from apps.identity.actions.keys import LONGEST_LIFE, create_key, note_key_use, revoke_key
from apps.identity.actions.roles import grant_role, revoke_role, sync_roles
from apps.identity.actions.sessions import (
    SignInRefused,
    end_session,
    end_sessions_of,
    refresh_session,
    revoke_session,
    sign_in,
)
from apps.identity.actions.users import (
    change_user,
    create_service_account,
    create_user,
    disable_user,
    enable_user,
    set_password,
)

__all__ = [
    "LONGEST_LIFE",
    "HoldsMore",
    "SessionRequired",
    "SignInRefused",
    "change_user",
    "create_key",
    "create_service_account",
    "create_user",
    "disable_user",
    "enable_user",
    "end_session",
    "end_sessions_of",
    "grant_role",
    "note_key_use",
    "refresh_session",
    "revoke_key",
    "revoke_role",
    "revoke_session",
    "set_password",
    "sign_in",
    "sync_roles",
]
