"""Whether somebody may change an account: nobody changes one that can do more than they can."""

from datetime import datetime
from typing import Final

from django.db import connection

from apps.common.errors import Forbidden, NotFound
from apps.identity import queries
from apps.identity.models import User
from apps.identity.types import Authority

_NAMED: Final = 5
_HOLD: Final = "SELECT pg_advisory_xact_lock_shared(hashtext('rbac_binding'))"
_WIDEN: Final = "SELECT pg_advisory_xact_lock(hashtext('rbac_binding'))"


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

    Its owner may, and so may whoever holds everything that it holds or is going to hold, where it holds it.

    Raises `HoldsMore`.
    """
    _run(_HOLD)
    account = User.objects.select_for_update().filter(pk=user.pk).first()
    if account is None:
        raise NotFound
    if by.self_id == account.pk:
        return account
    more = queries.not_covered(by.grants, queries.holdings(user_id=account.pk, at=at))
    if more:
        named = ", ".join(more[:_NAMED]) + (" ..." if len(more) > _NAMED else "")
        raise HoldsMore(f"It holds what you do not hold there: {named}. Ask somebody who does.")
    return account


def about_to_widen() -> None:
    """Wait for those who are changing accounts; whoever does so after us sees what we are about to grant.

    Every action calls it that gives an account more than it holds: binds it, adds it to a group, or adds to a role.
    (A row lock would not do: the foreign keys of bindings are checked at COMMIT, and a role has many holders.)
    """
    _run(_WIDEN)


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
