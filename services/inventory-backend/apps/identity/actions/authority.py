"""Whether somebody may change an account: nobody changes one that can do more than they can."""

from datetime import datetime
from typing import Final

from apps.common.errors import Forbidden, NotFound
from apps.identity.models import User
from apps.identity.types import Authority
from rbac import handed_over
from rbac.django.actions import hold_grants
from rbac.django.queries import held_by, lacking

_NAMED: Final = 5


class HoldsMore(Forbidden):
    """The account can do what the caller cannot: whoever changed it could become it."""

    code = "holds_more"
    title = "This account can do more than you"


class SessionRequired(Forbidden):
    """An API key was sent where somebody has to be signed in."""

    code = "session_required"
    title = "Not with an API key"


def locked(user: User, *, by: Authority, at: datetime) -> User:
    """Return the account as it is now, locked until the transaction ends, if `by` may change it.

    Its owner may, and so may whoever holds everything that it holds or is going to hold, where it holds it and for as
    long.

    Raises `HoldsMore`.
    """
    hold_grants()
    account = User.objects.select_for_update().filter(pk=user.pk).first()
    if account is None:
        raise NotFound
    if by.self_id == account.pk:
        return account
    more = sorted(lacking(handed_over(held_by(account.pk), at=at), held=by.grants))
    if more:
        named = ", ".join(more[:_NAMED]) + (" ..." if len(more) > _NAMED else "")
        raise HoldsMore(f"It holds what you do not hold there: {named}. Ask somebody who does.")
    return account
