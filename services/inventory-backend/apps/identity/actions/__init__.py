"""Writes. Nothing else in the project changes who may do what."""

from apps.identity.actions.bindings import AlreadyBound, bind_role, grant_role, unbind_role
from apps.identity.actions.delegation import BeyondOwnGrants, require_held
from apps.identity.actions.groups import (
    AlreadyMember,
    add_member,
    change_group,
    create_group,
    delete_group,
    remove_member,
)
from apps.identity.actions.roles import BuiltinRole, change_role, create_role, delete_role, sync_roles
from apps.identity.actions.sessions import SignInRefused, end_session, refresh_session, sign_in
from apps.identity.actions.users import create_user

__all__ = [
    "AlreadyBound",
    "AlreadyMember",
    "BeyondOwnGrants",
    "BuiltinRole",
    "SignInRefused",
    "add_member",
    "bind_role",
    "change_group",
    "change_role",
    "create_group",
    "create_role",
    "create_user",
    "delete_group",
    "delete_role",
    "end_session",
    "grant_role",
    "refresh_session",
    "remove_member",
    "require_held",
    "sign_in",
    "sync_roles",
    "unbind_role",
]
