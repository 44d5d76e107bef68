"""Making users and services, changing them, switching them off and on. None is ever deleted: the trail names them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from apps.common.db import constraint_of
from apps.common.errors import Conflict, Duplicate, Invalid, Problem, StaleVersion
from apps.identity.actions.administrators import keeping_an_administrator
from apps.identity.actions.authority import locked
from apps.identity.actions.sessions import end_sessions
from apps.identity.models import User
from apps.identity.types import Authority, UserKind
from audit import Event, Origin
from audit.django import actions as trail
from rbac.django.actions import lock_grants

_FACTS: Final = ("username", "name", "kind", "email", "email_verified", "language", "time_zone", "is_active")


class OwnAccount(Conflict):
    """Nobody switches their own account off: the last administrator would lock everybody out."""

    code = "own_account"
    title = "This is your own account"


class NoPassword(Conflict):
    """A service signs in with an API key and has no password."""

    code = "no_password"
    title = "A service has no password"


def refuse_weak(password: str, *, user: User, pointer: str) -> None:
    """Raise `Invalid` at `pointer` for each rule that a new password breaks (ASVS V6.2)."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        problems = [Problem(pointer=pointer, code="weak_password", detail=text) for text in error.messages]
        raise Invalid.of(problems) from error


def create_user(
    *, username: str, name: str, password: str | None, origin: Origin, profile: Mapping[str, Any] | None = None
) -> User:
    """Create a user who may do nothing yet, and who may sign in once there is a password (None: not yet).

    `profile` are more columns: email, language, time_zone.

    Raises `Duplicate` where the name or the e-mail address is taken and `Invalid` where the password is weak or the
    time zone is none.
    """
    user = User(username=username, name=name, **(profile or {}))
    _check_time_zone(user.time_zone)
    if password is None:
        user.set_unusable_password()
    else:
        refuse_weak(password, user=user, pointer="#/password")
        user.set_password(password)
    return _created(user, origin)


def create_service_account(*, username: str, name: str, origin: Origin) -> User:
    """Create an account for a program: without a password, it comes with an API key. Raises `Duplicate`."""
    user = User(username=username, name=name, kind=UserKind.SERVICE.value)
    user.set_unusable_password()
    return _created(user, origin)


@transaction.atomic
def change_user(user: User, changes: Mapping[str, Any], *, by: Authority, origin: Origin) -> User:
    """Write `changes` (column: value) to the version of `user` that was read, and return it.

    An e-mail address that is new is not verified.

    Raises `HoldsMore`, `StaleVersion`, `Duplicate` and `Invalid` (no such time zone).
    """
    account = _current(user, by=by, origin=origin)
    before = _facts(account)
    _check_time_zone(changes.get("time_zone", ""))
    columns = dict(changes)
    if changes.get("email", account.email) != account.email:
        columns["email_verified"] = False
    with _told(account.username):
        _write(account, columns)
    if _facts(account) != before:
        _record("user.changed", account, origin, before=before)
    return account


@transaction.atomic
def disable_user(user: User, *, by: Authority, origin: Origin) -> User:
    """Switch an account off: its sessions end, and it and its API keys are out with their next request.

    Raises `OwnAccount`, `HoldsMore`, `StaleVersion` and `LastAdministrator`. Switching off twice changes nothing.
    """
    if user.pk in {by.self_id, origin.actor_id}:
        raise OwnAccount("Ask another administrator to switch you off.")
    # Before the account is locked: whoever waits for the grants holds no row that the other one needs.
    lock_grants()
    account = _current(user, by=by, origin=origin)
    if account.is_active:
        before = _facts(account)
        with keeping_an_administrator(at=origin.at, pointer="#/is_active"):
            _write(account, {"is_active": False})
        end_sessions(user_id=account.pk, at=origin.at)
        _record("user.disabled", account, origin, before=before)
    return account


@transaction.atomic
def enable_user(user: User, *, by: Authority, origin: Origin) -> User:
    """Switch an account on again; its sessions stay ended, its API keys work again.

    Raises `HoldsMore` and `StaleVersion`. Switching on twice changes nothing.
    """
    account = _current(user, by=by, origin=origin)
    if not account.is_active:
        before = _facts(account)
        _write(account, {"is_active": True})
        _record("user.enabled", account, origin, before=before)
    return account


@transaction.atomic
def set_password(user: User, password: str, *, by: Authority, origin: Origin) -> User:
    """Replace a password, which ends all sessions of the account.

    Raises `HoldsMore`, `StaleVersion`, `NoPassword` for a service, and `Invalid` where the password is weak.
    """
    account = _current(user, by=by, origin=origin)
    if account.kind == UserKind.SERVICE:
        raise NoPassword(f"{account.username} is a service. Make an API key for it.")
    refuse_weak(password, user=account, pointer="#/password")
    account.set_password(password)
    _write(account, {"password": account.password})
    end_sessions(user_id=account.pk, at=origin.at)
    _record("user.password_replaced", account, origin)
    return account


def _created(user: User, origin: Origin) -> User:
    with _told(user.username), transaction.atomic():
        user.save(force_insert=True)
        _record("user.created", user, origin)
    user.refresh_from_db()
    return user


def _current(user: User, *, by: Authority, origin: Origin) -> User:
    account = locked(user, by=by, at=origin.at)
    if account.version != user.version:
        raise StaleVersion("Somebody else changed this meanwhile. Read it again and decide anew.")
    return account


def _write(account: User, columns: Mapping[str, Any]) -> None:
    """Write to an account that this transaction has locked."""
    User.objects.filter(pk=account.pk).update(**columns, version=account.version + 1, updated_at=Now())
    account.refresh_from_db()


def _check_time_zone(name: str) -> None:
    if not name:
        return
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        near = get_close_matches(name, available_timezones(), n=1)
        hint = f"Did you mean {near[0]}?" if near else "Send a name such as Europe/Berlin."
        text = f"{name!r} is not in the time zone database. {hint}"
        raise Invalid.at("#/time_zone", "unknown_time_zone", text) from error


def _facts(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in _FACTS}


def _record(action: str, user: User, origin: Origin, *, before: dict[str, Any] | None = None) -> None:
    after = None if action == "user.password_replaced" else _facts(user)
    event = Event(action=action, object_type="user", object_id=str(user.pk), before=before, after=after)
    trail.record(event, origin=origin)


@contextmanager
def _told(username: str) -> Iterator[None]:
    """Say in words which unique name is taken."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if constraint_of(error) == "identity_user_email_unique":
            raise Duplicate("Another user has this e-mail address already.") from error
        raise Duplicate(f"There is a user {username} already.") from error
