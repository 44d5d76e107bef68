"""Passwords: changed by who knows the old one, or by a link that is good once. Each change ends all sessions."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from apps.common.errors import Invalid
from apps.identity import challenges, letters
from apps.identity.actions import throttle
from apps.identity.actions.authority import locked
from apps.identity.actions.second_factor import SignInRefused, challenged
from apps.identity.actions.sessions import end_sessions
from apps.identity.actions.sign_in import check_own_password
from apps.identity.actions.users import refuse_weak
from apps.identity.models import User
from apps.identity.types import Authority
from audit import Event, Origin
from audit.django import actions as trail

_RESET: Final = "reset"
_INVITATION: Final = "invitation"
_RESET_LIFETIME: Final = timedelta(hours=1)
_INVITATION_LIFETIME: Final = timedelta(days=3)


def change_password(*, user_id: UUID, current: str, new: str, origin: Origin) -> None:
    """Replace the caller's password, and end all sessions.

    Raises `SignInRefused` for a wrong current password, `Invalid` for a weak new one, and `TooManyTries`.
    """
    known = check_own_password(user=User.objects.get(pk=user_id), password=current, origin=origin)
    refuse_weak(new, user=known, pointer="#/new_password")
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user_id)
        if user.password != known.password:
            raise SignInRefused("The password was changed meanwhile.")
        _store(user, new, action="user.password_changed", origin=origin)


def request_reset(*, username: str, origin: Origin) -> None:
    """Send a link to a new password to whoever has this name, is switched on and has an address and a password.

    Who has none signs in elsewhere, and would get round whoever decides there; an administrator can invite them.

    Nothing here depends on whether there is such a user: that is found out after the answer is on its way (ASVS
    V6.3.8). Raises `TooManyTries`.
    """
    throttle.claim(kind="reset", account=username, origin=origin)

    def write() -> None:
        user = User.objects.filter(username__iexact=username, is_active=True).exclude(email="").first()
        if user is not None and user.has_usable_password():
            link = challenges.issue(user=user, purpose=_RESET)
            with transaction.atomic():
                event = Event(action="user.reset_requested", object_type="user", object_id=str(user.pk))
                trail.record(event, origin=origin)
            letters.send_reset(address=user.email, username=user.username, token=link.text)

    letters.in_background(write)


def reset_password(*, token: str, password: str, origin: Origin) -> None:
    """Replace a password by a link's token, once, and end all sessions; who has a second factor still needs it then.

    Raises `Invalid` for a void link and for a weak password, after which the link is as good as before.
    """
    _replace(token, password, purpose=_RESET, lifetime=_RESET_LIFETIME, action="user.password_reset", origin=origin)


def invite(user: User, *, by: Authority, origin: Origin) -> None:
    """Send a link to a first password to a user.

    Raises `HoldsMore`, and `Invalid` where the user has no address or is switched off.
    """
    with transaction.atomic():
        account = locked(user, by=by, at=origin.at)
        if not account.email or not account.is_active:
            raise Invalid.at("#/user", "cannot_be_invited", "The user has no e-mail address, or is switched off.")
        link = challenges.issue(user=account, purpose=_INVITATION)
        trail.record(Event(action="user.invited", object_type="user", object_id=str(account.pk)), origin=origin)
    letters.in_background(
        lambda: letters.send_invitation(address=account.email, username=account.username, token=link.text)
    )


def accept_invitation(*, token: str, password: str, origin: Origin) -> None:
    """Choose a first password by an invitation's token, once; raises as `reset_password` does."""
    _replace(
        token,
        password,
        purpose=_INVITATION,
        lifetime=_INVITATION_LIFETIME,
        action="user.invitation_accepted",
        origin=origin,
    )


def _replace(token: str, password: str, *, purpose: str, lifetime: timedelta, action: str, origin: Origin) -> None:
    with transaction.atomic():
        try:
            # The account is locked, and the link says which password it replaces: of two uses one finds it.
            _, user = challenged(token, purposes={purpose}, lifetime=lifetime)
        except SignInRefused as error:
            raise Invalid.at("#/token", "void_link", "This link is void. Ask for a new one.") from error
        refuse_weak(password, user=user, pointer="#/password")
        _store(user, password, action=action, origin=origin, answers_letter=True)


def _store(user: User, password: str, *, action: str, origin: Origin, answers_letter: bool = False) -> None:
    """Store a new password, end all sessions, and record it as `action`; part of the caller's transaction.

    Who answers a letter has its address: a link is void once there is another one.
    """
    user.set_password(password)
    is_news = answers_letter and not user.email_verified
    if is_news:
        user.email_verified = True
        user.version += 1
        user.updated_at = origin.at
    user.save(update_fields=["password", "email_verified", "version", "updated_at"])
    end_sessions(user_id=user.pk, at=origin.at)
    states = {"before": {"email_verified": False}, "after": {"email_verified": True}} if is_news else {}
    trail.record(Event(action=action, object_type="user", object_id=str(user.pk), **states), origin=origin)
