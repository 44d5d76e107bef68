"""Reads that others may rely on."""

from apps.identity.queries.administrators import is_administrator_left
from apps.identity.queries.bindings import GROUPS, LOCATIONS, ROLES, bindings, groups, members, places, roles
from apps.identity.queries.explain import explanation
from apps.identity.queries.factors import Factors, factors_of, recovery_digest, second_factors_of
from apps.identity.queries.holders import Holder, holders
from apps.identity.queries.keys import SELECTORS as KEYS
from apps.identity.queries.keys import find_key, keys, live_keys
from apps.identity.queries.principals import bindings_of, principal, principal_of_cookie
from apps.identity.queries.sessions import LiveSession, digest_of, idle_since, live_sessions, sessions_of
from apps.identity.queries.users import SELECTORS as USERS
from apps.identity.queries.users import users

__all__ = [
    "GROUPS",
    "KEYS",
    "LOCATIONS",
    "ROLES",
    "USERS",
    "Factors",
    "Holder",
    "LiveSession",
    "bindings",
    "bindings_of",
    "digest_of",
    "explanation",
    "factors_of",
    "find_key",
    "groups",
    "holders",
    "idle_since",
    "is_administrator_left",
    "keys",
    "live_keys",
    "live_sessions",
    "members",
    "places",
    "principal",
    "principal_of_cookie",
    "recovery_digest",
    "roles",
    "second_factors_of",
    "sessions_of",
    "users",
]
