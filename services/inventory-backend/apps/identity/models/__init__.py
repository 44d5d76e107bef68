"""People and services that sign in, where and with what, and what keeps them signed in."""

from apps.identity.models.factors import Passkey, RecoveryCode, SpentChallenge, Totp
from apps.identity.models.groups import Group, GroupMember
from apps.identity.models.keys import ApiKey
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
from apps.identity.models.sessions import RefreshToken, Session, SigningKey, Throttle
from apps.identity.models.users import User, UserManager

__all__ = [
    "ApiKey",
    "ExternalIdentity",
    "Group",
    "GroupMember",
    "HandOver",
    "Passkey",
    "ProvidedBinding",
    "ProvidedSession",
    "Provider",
    "RecoveryCode",
    "RefreshToken",
    "ScimGroup",
    "ScimMember",
    "ScimUser",
    "SeenLogout",
    "Session",
    "SignInAttempt",
    "SigningKey",
    "SpentChallenge",
    "Throttle",
    "Totp",
    "User",
    "UserManager",
]
