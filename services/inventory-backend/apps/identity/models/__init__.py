"""People who sign in, what they prove it with, and what keeps them signed in."""

from apps.identity.models.factors import Passkey, RecoveryCode, SpentChallenge, Totp
from apps.identity.models.sessions import RefreshToken, Session, SigningKey, Throttle
from apps.identity.models.users import User, UserManager

__all__ = [
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
