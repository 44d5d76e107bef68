"""Writes. Nothing else in the project changes who may do what."""

from apps.identity.actions.authority import HoldsMore, SessionRequired
from apps.identity.actions.bindings import AlreadyBound, bind_role, grant_role, revoke_role, unbind_role
from apps.identity.actions.delegation import BeyondOwnGrants, require_held
from apps.identity.actions.groups import (
    AlreadyMember,
    add_member,
    change_group,
    create_group,
    delete_group,
    remove_member,
)
from apps.identity.actions.keys import LONGEST_LIFE, create_key, note_key_use, revoke_key
from apps.identity.actions.roles import BuiltinRole, change_role, create_role, delete_role, sync_roles
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
    "AlreadyBound",
    "AlreadyMember",
    "BeyondOwnGrants",
    "BuiltinRole",
    "HoldsMore",
    "SessionRequired",
    "SignInRefused",
    "add_member",
    "bind_role",
    "change_group",
    "change_role",
    "change_user",
    "create_group",
    "create_key",
    "create_role",
    "create_service_account",
    "create_user",
    "delete_group",
    "delete_role",
    "disable_user",
    "enable_user",
    "end_session",
    "end_sessions_of",
    "grant_role",
    "note_key_use",
    "refresh_session",
    "remove_member",
    "require_held",
    "revoke_key",
    "revoke_role",
    "revoke_session",
    "set_password",
    "sign_in",
    "sync_roles",
    "unbind_role",
]
