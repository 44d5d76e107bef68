"""Making users."""

from datetime import datetime
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.common.errors import Duplicate, Forbidden, Invalid, NotFound, Problem
from apps.identity.models import User
from audit import Event, Origin
from audit.django import actions as trail
from rbac import Grants
from rbac.django.queries import grants_of


def refuse_weak(password: str, *, user: User, pointer: str) -> None:
    """Raise `Invalid` at `pointer` for each rule that a new password breaks (ASVS V6.2)."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        problems = [Problem(pointer=pointer, code="weak_password", detail=text) for text in error.messages]
        raise Invalid.of(problems) from error


class MayDoMore(Forbidden):
    """The user may do something that the caller may not, so that changing how they sign in would be a takeover."""

    code = "user_may_do_more"
    title = "The user may do more than you"


def refuse_takeover(*, user_id: UUID, caller: Grants, at: datetime) -> None:
    """Let pass who holds everything, everywhere it is held, that a user holds at `at`.

    A place is compared by name: whoever holds something at a warehouse does not by that cover one of its bins here,
    which refuses rather too much than too little. Raises `NotFound` for nobody, and `MayDoMore`.
    """
    if not User.objects.filter(pk=user_id).exists():
        raise NotFound
    theirs = grants_of(user_id=user_id, at=at)
    for code in theirs.permissions():
        mine, wanted = caller.scope(code), theirs.scope(code)
        if not mine.everywhere and (wanted.everywhere or not wanted.roots <= mine.roots):
            raise MayDoMore(f"The user holds {code} where you do not.")


def create_user(*, username: str, name: str, password: str, origin: Origin) -> User:
    """Create a user who may sign in and may do nothing yet.

    Raises `Duplicate` where the name is taken and `Invalid` where the password is weak.
    """
    user = User(username=username, name=name)
    refuse_weak(password, user=user, pointer="#/password")
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            event = Event(
                action="user.created", object_type="user", object_id=str(user.pk), after={"username": username}
            )
            trail.record(event, origin=origin)
    except IntegrityError as error:
        raise Duplicate(f"There is a user {username} already.") from error
    return user
