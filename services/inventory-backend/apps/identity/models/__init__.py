"""People who sign in, where they may do so, and what keeps them signed in."""

from apps.identity.models.providers import (
    ExternalIdentity,
    HandOver,
    ProvidedBinding,
    ProvidedSession,
    Provider,
    SeenLogout,
    SignInAttempt,
)
from apps.identity.models.scim import ScimGroup, ScimMember, ScimUser
from apps.identity.models.sessions import RefreshToken
from apps.identity.models.users import User, UserManager

__all__ = [
    "ExternalIdentity",
    "HandOver",
    "ProvidedBinding",
    "ProvidedSession",
    "Provider",
    "RefreshToken",
    "ScimGroup",
    "ScimMember",
    "ScimUser",
    "SeenLogout",
    "SignInAttempt",
    "User",
    "UserManager",
]
