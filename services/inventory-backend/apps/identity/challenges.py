"""Signed statements that are handed out to be answered: what was proved so far, by whom, for what."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.core import signing
from django.utils.crypto import salted_hmac

from apps.identity.models import User

_SALT: Final = "identity.challenge"
LIFETIME: Final = timedelta(minutes=5)


class InvalidChallenge(ValueError):
    """The text was not signed here for this purpose, or it expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a challenge says. `state` is a digest of password and address: a new one makes the challenge void."""

    user_id: UUID
    methods: tuple[str, ...]
    state: str
    text: str

    @property
    def digest(self) -> bytes:
        """Return what a passkey signs, and what a spent challenge is remembered by."""
        return hashlib.sha256(self.text.encode()).digest()


def state_of(user: User) -> str:
    """Return a digest of what a challenge rests on: the password, and the address that a link was sent to."""
    state = salted_hmac("identity.challenges.state", f"{user.password}\n{user.email}", algorithm="sha256")
    return state.hexdigest()


def issue(*, user: User, purpose: str, methods: Sequence[str] = ()) -> Challenge:
    """Return a new challenge to `user`, who has proved themselves by `methods`."""
    state = state_of(user)
    said = [purpose, str(user.pk), sorted(methods), state, secrets.token_urlsafe(16)]
    text = signing.dumps(said, salt=_SALT)
    return Challenge(user_id=user.pk, methods=tuple(sorted(methods)), state=state, text=text)


def read(text: str, *, purposes: Collection[str], lifetime: timedelta = LIFETIME) -> Challenge:
    """Return what a challenge says that was made for one of `purposes`; raises `InvalidChallenge`."""
    try:
        made_for, user_id, methods, state, _ = signing.loads(text, salt=_SALT, max_age=lifetime)
    except (signing.BadSignature, ValueError) as error:
        raise InvalidChallenge("This challenge was not made here, or it expired.") from error
    if made_for not in purposes:
        raise InvalidChallenge("This challenge was made for something else.")
    return Challenge(user_id=UUID(user_id), methods=tuple(methods), state=state, text=text)
