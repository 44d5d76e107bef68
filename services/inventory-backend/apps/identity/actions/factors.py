"""Second factors: set up, replaced, taken away. Each change ends all sessions of the account (ASVS V7.4.3)."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.common.errors import Conflict, Duplicate, Invalid, NotFound
from apps.identity import challenges, passkeys, totp
from apps.identity.actions.authority import locked
from apps.identity.actions.second_factor import SignInRefused, challenged, is_totp_right, spend
from apps.identity.actions.sessions import end_sessions
from apps.identity.models import Passkey, RecoveryCode, Totp, User
from apps.identity.queries import recovery_digest, second_factors_of
from apps.identity.sealing import seal
from apps.identity.types import Authority
from audit import Event, Origin
from audit.django import actions as trail

_PASSKEY: Final = "passkey"
_CODES: Final = 10
# Without letters and digits that look alike; 16 of them are 78 bits.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"


class AlreadySetUp(Conflict):
    """The account has an authenticator app; take it away before another one is set up."""

    code = "already_set_up"
    title = "Already set up"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSecret:
    """What an authenticator app is told, once: typed (`secret`) or as a QR code (`uri`)."""

    secret: str
    uri: str


@transaction.atomic
def begin_totp(*, user_id: UUID, origin: Origin) -> AppSecret:
    """Return a new secret for an authenticator app; it counts once a code of it was shown.

    Raises `AlreadySetUp`.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    if Totp.objects.filter(user=user, confirmed_at__isnull=False).exists():
        raise AlreadySetUp("This account has an authenticator app. Remove it before you set up another one.")
    secret = totp.new_secret()
    sealed = seal(secret, purpose=f"totp {user_id}")
    Totp.objects.update_or_create(user=user, defaults={"secret": sealed, "last_step": 0, "confirmed_at": None})
    _record("factor.totp_begun", user_id, origin)
    issuer = settings.CONFIG.jwt_issuer.split("//", 1)[-1]
    return AppSecret(secret=totp.spelled(secret), uri=totp.uri(secret, issuer=issuer, account=user.username))


@transaction.atomic
def confirm_totp(*, user_id: UUID, code: str, origin: Origin) -> list[str]:
    """Set up the authenticator app that shows `code`, and return recovery codes where the account had none.

    Raises `Invalid` for a wrong code and where nothing was begun.
    """
    waiting = Totp.objects.filter(user_id=user_id, confirmed_at=None)
    if not waiting.exists() or not is_totp_right(user_id=user_id, code=code, origin=origin):
        raise Invalid.at("#/code", "wrong_code", "This is not the code that the app shows now.")
    waiting.update(confirmed_at=origin.at)
    return _changed("factor.totp_added", user_id, origin)


@transaction.atomic
def remove_totp(*, user_id: UUID, origin: Origin) -> None:
    """Take the authenticator app away; raises `NotFound` where none is set up."""
    if not Totp.objects.filter(user_id=user_id, confirmed_at__isnull=False).delete()[0]:
        raise NotFound
    _changed("factor.totp_removed", user_id, origin)


def begin_passkey(*, user_id: UUID) -> tuple[str, dict[str, Any]]:
    """Return a challenge, and what a browser needs to make a passkey for it."""
    user = User.objects.get(pk=user_id)
    challenge = challenges.issue(user=user, purpose=_PASSKEY)
    known = Passkey.objects.filter(user=user)
    return challenge.text, passkeys.creation_options(user, challenge=challenge.digest, known=known)


def add_passkey(
    *, user_id: UUID, name: str, challenge: str, credential: Mapping[str, Any], origin: Origin
) -> list[str]:
    """Set up a passkey that answers the challenge of `begin_passkey`; returns recovery codes as `confirm_totp` does.

    Raises `Invalid` and `Duplicate`.
    """
    try:
        said, _ = challenged(challenge, purposes={_PASSKEY}, user_id=user_id)
        made = passkeys.registered(credential, challenge=said.digest)
    except SignInRefused as error:
        raise Invalid.at("#/challenge", "void_challenge", error.detail) from error
    except passkeys.WrongPasskey as error:
        raise Invalid.at("#/credential", "wrong_passkey", str(error)) from error
    try:
        with transaction.atomic():
            if not spend(said, origin=origin):
                raise Invalid.at("#/challenge", "void_challenge", "This challenge was answered before.")
            Passkey.objects.create(
                user_id=user_id,
                credential_id=made.credential_id,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                name=name,
            )
            return _changed("factor.passkey_added", user_id, origin)
    except IntegrityError as error:
        raise Duplicate("This passkey is set up already.") from error


@transaction.atomic
def remove_passkey(*, user_id: UUID, passkey_id: UUID, origin: Origin) -> None:
    """Take one passkey away; raises `NotFound` where the account has no such."""
    if not Passkey.objects.filter(pk=passkey_id, user_id=user_id).delete()[0]:
        raise NotFound
    _changed("factor.passkey_removed", user_id, origin)


@transaction.atomic
def replace_recovery_codes(*, user_id: UUID, origin: Origin) -> list[str]:
    """Return new recovery codes; the old ones are void. Raises `NotFound` where there is nothing to recover."""
    if not second_factors_of(user_id):
        raise NotFound
    RecoveryCode.objects.filter(user_id=user_id).delete()
    return _changed("factor.recovery_codes_replaced", user_id, origin)


@transaction.atomic
def remove_factors(user: User, *, by: Authority, origin: Origin) -> None:
    """Take all second factors of somebody away who lost them.

    Raises `NotFound` for who has none, and `HoldsMore` where they may do what `by` may not: it would be a takeover.
    """
    account = locked(user, by=by, at=origin.at)
    if not second_factors_of(account.pk):
        raise NotFound
    for kind in (Totp, Passkey):
        kind.objects.filter(user=account).delete()
    _changed("factors.removed", account.pk, origin)


def _changed(action: str, user_id: UUID, origin: Origin) -> list[str]:
    """End the sessions, tell the trail, and keep recovery codes where there is something to recover."""
    end_sessions(user_id=user_id, at=origin.at)
    _record(action, user_id, origin)
    has_factor = bool(second_factors_of(user_id))
    mine = RecoveryCode.objects.filter(user_id=user_id)
    if not has_factor:
        mine.delete()
    if not has_factor or mine.exists():
        return []
    codes = ["-".join(_word() for _ in range(4)) for _ in range(_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(digest=recovery_digest(user_id, code), user_id=user_id) for code in codes
    )
    return codes


def _word() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(4))


def _record(action: str, user_id: UUID, origin: Origin) -> None:
    trail.record(Event(action=action, object_type="user", object_id=str(user_id)), origin=origin)
