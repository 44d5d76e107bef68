"""Writes. Nothing else in the project changes who may do what."""

from apps.identity.actions.roles import grant_role, sync_roles
from apps.identity.actions.sessions import SignInRefused, end_session, refresh_session, sign_in
from apps.identity.actions.users import create_user

__all__ = [
    "SignInRefused",
    "create_user",
    "end_session",
    "grant_role",
    "refresh_session",
    "sign_in",
    "sync_roles",
]
