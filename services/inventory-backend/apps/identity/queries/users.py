"""Users: which of them a caller may see."""

from datetime import datetime
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.common.selectors import Selectors
from apps.identity.models import User
from rbac import Grants
from rbac.django.models import Binding
from rbac.django.queries import within_subtree

SELECTORS: Final = Selectors(noun="user", codes={"user": "username"})


def users(grants: Grants, permission: str, *, at: datetime) -> QuerySet[User]:
    """Return the users for whom a caller holds `permission`.

    Who holds it everywhere has it for all. Who holds it at some locations has it for those who hold or are going to
    hold a role in there, directly or through a group, and for those who hold nothing anywhere.
    """
    scope = grants.scope(permission)
    if scope.everywhere:
        return User.objects.all()
    if not scope:
        return User.objects.none()
    live = Binding.objects.filter(Q(valid_until=None) | Q(valid_until__gt=at))
    inside = within_subtree(scope)
    own, shared = live.filter(user=OuterRef("pk")), live.filter(group__members=OuterRef("pk"))
    return User.objects.filter(
        Exists(own.filter(inside)) | Exists(shared.filter(inside)) | ~Exists(own) & ~Exists(shared)
    )
