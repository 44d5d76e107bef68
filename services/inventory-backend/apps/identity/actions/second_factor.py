"""What somebody has beside the password, and whether they showed it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import connection, transaction

from apps.common.db import rows
from apps.common.errors import Problem, Unauthenticated
from apps.identity import challenges, passkeys, totp
from apps.identity.actions import throttle
from apps.identity.challenges import Challenge, InvalidChallenge
from apps.identity.models import Passkey, RecoveryCode, SpentChallenge, Totp, User
from apps.identity.queries import recovery_digest, second_factors_of
from apps.identity.sealing import unseal
from apps.identity.types import Budget, SecondFactor
from audit import Origin

log = structlog.get_logger(__name__)

# What a challenge can be made for: to begin a session, or to renew the proof within one.
SIGN_IN: Final = "sign-in"
RENEWAL: Final = "renewal"
# Values of `amr` that say that somebody proved more than a password (RFC 8176).
SECOND: Final = frozenset({"otp", "hwk", "mfa"})
_AMR: Final[Mapping[str, str]] = {"otp": "otp", "recovery": "otp", "hwk": "hwk"}
OPTIONS: Final = 300  # questions of a network in an hour what a passkey is to sign, that lead nowhere
_OPTIONS_KIND: Final = "passkey-options"
_SPEND: Final = """
INSERT INTO identity_spent_challenge (digest, expires_at) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING 1
"""


class SignInRefused(Unauthenticated):
    """The username, the password or the token is wrong; which of them is not told."""

    code = "sign_in_refused"
    title = "Sign-in refused"
    budget: Budget | None = None
    # For the trail, and never for the answer.
    reason = ""
    account_id: UUID | None = None


class SecondFactorRequired(Unauthenticated):
    """What was proved is not enough for this account; answer the challenge with one of the methods."""

    code = "second_factor_required"
    title = "Second factor required"

    def __init__(self, *, challenge: str, methods: Sequence[str]) -> None:
        detail = "Send the challenge back with a second factor."
        meta = {"challenge": challenge, "methods": " ".join(methods)}
        super().__init__(detail, [Problem(pointer="#", code=self.code, detail=detail, meta=meta)])
        self.challenge, self.methods = challenge, tuple(methods)


def require_second_factor(user: User, methods: Sequence[str], *, purpose: str) -> None:
    """Let pass who proved enough: every way to a session, and every renewed proof, comes through here.

    Raises `SecondFactorRequired` where the account has a second factor that was not shown.
    """
    if SECOND.isdisjoint(methods) and (known := second_factors_of(user.pk)):
        challenge = challenges.issue(user=user, purpose=purpose, methods=methods)
        raise SecondFactorRequired(challenge=challenge.text, methods=known)


def challenged(
    text: str, *, purposes: Collection[str], user_id: UUID | None = None, lifetime: timedelta = challenges.LIFETIME
) -> tuple[Challenge, User]:
    """Return what a challenge says that was made for one of `purposes`, and for whom: for `user_id` if that is given.

    In a transaction the account cannot change until its end. Raises `SignInRefused`.
    """
    try:
        challenge = challenges.read(text, purposes=purposes, lifetime=lifetime)
    except InvalidChallenge as error:
        raise SignInRefused(str(error)) from error
    accounts = User.objects.filter(pk=challenge.user_id, is_active=True)
    user = (accounts.select_for_update(no_key=True) if connection.in_atomic_block else accounts).first()
    if user is None or user_id not in {None, user.pk} or challenges.state_of(user) != challenge.state:
        raise SignInRefused("This challenge is void. Sign in again.")
    return challenge, user


def passkey_options(challenge: str, *, origin: Origin) -> dict[str, Any]:
    """Return what a browser needs to answer a challenge with a passkey; raises `SignInRefused` and `TooManyTries`."""
    throttle.claim_of_network(kind=_OPTIONS_KIND, origin=origin, free=OPTIONS)
    said, user = challenged(challenge, purposes={SIGN_IN, RENEWAL})
    known = Passkey.objects.filter(user=user)
    return passkeys.request_options(challenge=said.digest, known=known)


def show(factor: SecondFactor, *, challenge: Challenge, user: User, origin: Origin) -> tuple[str, ...]:
    """Use up a challenge and the second factor that answers it; return all methods that were proved.

    It counts as a try of the account. Raises `SignInRefused`, which leaves the challenge as it was, and `TooManyTries`.
    """
    claim = throttle.claim(kind="second-factor", account=str(user.pk), origin=origin)
    with transaction.atomic():
        if not spend(challenge, origin=origin):
            raise SignInRefused("This challenge was answered before. Sign in again.")
        if not _is_shown(factor, challenge=challenge, user_id=user.pk, origin=origin):
            log.warning("second_factor.refused", user_id=str(user.pk), method=factor.method)
            refused = SignInRefused("The second factor is not right.")
            refused.budget, refused.reason, refused.account_id = claim.budget, f"wrong_{factor.method}", user.pk
            raise refused
    claim.succeeded(origin=origin)
    if factor.method == "hwk":
        throttle.give_back(kind=_OPTIONS_KIND, origin=origin, free=OPTIONS)
    return (*challenge.methods, _AMR[factor.method])


def spend(challenge: Challenge, *, origin: Origin) -> bool:
    """Note that a challenge is answered; tell whether it was for the first time."""
    SpentChallenge.objects.filter(expires_at__lte=origin.at).delete()
    return bool(rows(_SPEND, [challenge.digest, origin.at + 2 * challenges.LIFETIME]))


def is_totp_right(*, user_id: UUID, code: str, origin: Origin) -> bool:
    """Tell whether an app's code is right and was not used before, and use it up."""
    app = Totp.objects.filter(user_id=user_id).first()
    if app is None:
        return False
    secret = unseal(bytes(app.secret), purpose=f"totp {user_id}")
    step = totp.matching_step(secret, code, at=origin.at)
    # Of rivals with the same code one updates the row.
    is_new = Totp.objects.filter(user_id=user_id, last_step__lt=step or 0).update(last_step=step or 0)
    return step is not None and is_new == 1


def _is_shown(factor: SecondFactor, *, challenge: Challenge, user_id: UUID, origin: Origin) -> bool:
    if factor.method == "otp":
        confirmed = Totp.objects.filter(user_id=user_id, confirmed_at__isnull=False).exists()
        return confirmed and is_totp_right(user_id=user_id, code=factor.code, origin=origin)
    if factor.method == "recovery":
        digest = recovery_digest(user_id, factor.code)
        unused = RecoveryCode.objects.filter(user_id=user_id, digest=digest, used_at=None)
        return unused.update(used_at=origin.at) == 1
    return _is_signed(factor.credential or {}, challenge, user_id, origin)


def _is_signed(credential: Mapping[str, Any], challenge: Challenge, user_id: UUID, origin: Origin) -> bool:
    try:
        wanted = passkeys.credential_id_of(credential)
        passkey = Passkey.objects.select_for_update().filter(user_id=user_id, credential_id=wanted).first()
        if passkey is None:
            return False
        said = passkeys.signed(credential, challenge=challenge.digest, passkey=passkey)
    except passkeys.WrongPasskey:
        return False
    Passkey.objects.filter(pk=passkey.pk).update(sign_count=said.new_sign_count, last_used_at=origin.at)
    return True
