"""People and services that sign in, and what keeps them signed in."""

from apps.identity.models.groups import Group, GroupMember
from apps.identity.models.keys import ApiKey
from apps.identity.models.sessions import RefreshToken
from apps.identity.models.users import User, UserManager

__all__ = ["ApiKey", "Group", "GroupMember", "RefreshToken", "User", "UserManager"]
