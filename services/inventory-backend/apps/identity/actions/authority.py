"""Whether somebody may change an account: nobody changes one that can do more than they can."""

from datetime import datetime

from apps.common.errors import Forbidden, NotFound
from apps.identity import queries
from apps.identity.models import User
from apps.identity.types import Authority


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

    Its owner may, and so may whoever holds everything that it holds or is going to hold, where it holds it. The lock
    keeps others from binding it to a further role meanwhile: their foreign key has to wait.

    Raises `HoldsMore`.
    """
    account = User.objects.select_for_update().filter(pk=user.pk).first()
    if account is None:
        raise NotFound
    if by.self_id == account.pk:
        return account
    more = queries.not_covered(by.grants, queries.holdings(user_id=account.pk, at=at))
    if more:
        named = ", ".join(more[:5]) + (" ..." if len(more) > 5 else "")  # noqa: PLR2004  (enough to go on)
        raise HoldsMore(f"It holds what you do not hold there: {named}. Ask somebody who does.")
    return account
