"""Reads that others may rely on."""

from apps.identity.queries.bindings import GROUPS, LOCATIONS, ROLES, bindings, groups, members, places, roles
from apps.identity.queries.explain import explanation
from apps.identity.queries.holders import Holder, holders
from apps.identity.queries.keys import SELECTORS as KEYS
from apps.identity.queries.keys import find_key, keys, live_keys
from apps.identity.queries.principals import bindings_of, principal
from apps.identity.queries.sessions import LiveSession, live_sessions
from apps.identity.queries.users import SELECTORS as USERS
from apps.identity.queries.users import users

__all__ = [
    "GROUPS",
    "KEYS",
    "LOCATIONS",
    "ROLES",
    "USERS",
    "Holder",
    "LiveSession",
    "bindings",
    "bindings_of",
    "explanation",
    "find_key",
    "groups",
    "holders",
    "keys",
    "live_keys",
    "live_sessions",
    "members",
    "places",
    "principal",
    "roles",
    "users",
]
