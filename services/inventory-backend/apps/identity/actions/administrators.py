"""Somebody can always hand out rights: the last one who can is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from apps.common.errors import Conflict
from apps.identity.permissions import MANAGE_ROLES
from apps.identity.queries import is_administrator_left
from rbac.django.actions import lock_grants


class LastAdministrator(Conflict):
    """Nobody would be left who can hand out rights everywhere."""

    code = "last_administrator"
    title = "The last administrator"


@contextmanager
def keeping_an_administrator(*, at: datetime, pointer: str = "#") -> Iterator[None]:
    """Undo a change, with its transaction, after which nobody could hand out rights everywhere any more.

    Changes wait for each other here: two administrators who switch each other off are one too many. Where nobody could
    before, nothing is refused. Raises `LastAdministrator` about the field at `pointer`.
    """
    lock_grants()
    was_left = is_administrator_left(at=at)
    yield
    if was_left and not is_administrator_left(at=at):
        raise LastAdministrator.at(
            pointer,
            LastAdministrator.code,
            f"Nobody who can sign in would hold {MANAGE_ROLES} everywhere and for good. Give it to somebody first.",
        )
