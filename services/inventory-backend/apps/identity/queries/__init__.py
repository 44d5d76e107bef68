"""Reads that others may rely on."""

from apps.identity.queries.keys import SELECTORS as KEYS
from apps.identity.queries.keys import find_key, keys, live_keys
from apps.identity.queries.places import find_place
from apps.identity.queries.principals import bindings_of, principal
from apps.identity.queries.roles import Held, roles_held
from apps.identity.queries.sessions import LiveSession, live_sessions
from apps.identity.queries.users import SELECTORS as USERS
from apps.identity.queries.users import holdings, not_covered, users

__all__ = [
    "KEYS",
    "USERS",
    "Held",
    "LiveSession",
    "bindings_of",
    "find_key",
    "find_place",
    "holdings",
    "keys",
    "live_keys",
    "live_sessions",
    "not_covered",
    "principal",
    "roles_held",
    "users",
]
