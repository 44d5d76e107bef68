"""Making users."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.common.errors import Duplicate, Invalid, Problem
from apps.identity.models import User
from audit import Event, Origin
from audit.django import actions as trail


def create_user(*, username: str, name: str, password: str, origin: Origin) -> User:
    """Create a user who may sign in and may do nothing yet.

    Raises `Duplicate` where the name is taken and `Invalid` where the password is weak.
    """
    user = User(username=username, name=name)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid.of(
            [Problem(pointer="#/password", code="weak_password", detail=text) for text in error.messages]
        ) from error
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
