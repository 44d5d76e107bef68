"""Writes. Nothing else in the project changes who may do what."""

from apps.identity.actions.federation import begin_sign_in, finish_sign_in, hand_over, log_out_from_there
from apps.identity.actions.providers import (
    change_provider,
    create_provider,
    delete_provider,
    disable_provider,
    enable_provider,
    test_provider,
)
from apps.identity.actions.roles import grant_role, sync_roles
from apps.identity.actions.sessions import SignInRefused, begin_session, end_session, refresh_session, sign_in
from apps.identity.actions.users import create_user

__all__ = [
    "SignInRefused",
    "begin_session",
    "begin_sign_in",
    "change_provider",
    "create_provider",
    "create_user",
    "delete_provider",
    "disable_provider",
    "enable_provider",
    "end_session",
    "finish_sign_in",
    "grant_role",
    "hand_over",
    "log_out_from_there",
    "refresh_session",
    "sign_in",
    "sync_roles",
    "test_provider",
]
