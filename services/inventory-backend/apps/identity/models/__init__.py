"""People and services that sign in, what they prove it with, and what keeps them signed in."""

from apps.identity.models.factors import Passkey, RecoveryCode, SpentChallenge, Totp
from apps.identity.models.groups import Group, GroupMember
from apps.identity.models.keys import ApiKey
from apps.identity.models.sessions import RefreshToken, Session, SigningKey, Throttle
from apps.identity.models.users import User, UserManager

__all__ = [
    "ApiKey",
    "Group",
    "GroupMember",
    "Passkey",
    "RecoveryCode",
    "RefreshToken",
    "Session",
    "SigningKey",
    "SpentChallenge",
    "Throttle",
    "Totp",
    "User",
    "UserManager",
]
