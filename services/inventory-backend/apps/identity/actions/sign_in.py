"""Proving who one is: a password, then whatever else the account asks for."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import structlog
from django.contrib.auth.hashers import check_password
from django.db import transaction

from apps.common.errors import Busy, Conflict
from apps.identity import challenges, queries
from apps.identity.actions import throttle
from apps.identity.actions.hand_overs import resumed
from apps.identity.actions.second_factor import (
    RENEWAL,
    SIGN_IN,
    SignInRefused,
    challenged,
    require_second_factor,
    show,
)
from apps.identity.actions.sessions import begin_browser_session, begin_session, renew_proof
from apps.identity.challenges import Challenge
from apps.identity.models import Provider, User
from apps.identity.types import BrowserSession, SecondFactor, TokenPair
from audit import Origin

log = structlog.get_logger(__name__)

# What nobody's password is: it costs as much time to check as a real one.
_NO_PASSWORD: Final = "!"  # noqa: S105  (Django's mark for none)


class OtherProofRequired(Conflict):
    """This account proves again who it is in another way; the detail says how."""

    code = "other_proof_required"
    title = "Prove it in another way"


def sign_in(*, username: str, password: str, origin: Origin, agent: str = "") -> TokenPair:
    """Check a password and begin a session.

    Raises `SignInRefused`, the same for an unknown user, a wrong password and an account that is off;
    `SecondFactorRequired`; and `TooManyTries`.
    """
    user = _with_password(username=username, password=password, origin=origin)
    return begin_session(user=user, methods=["pwd"], origin=origin, agent=agent)


def sign_in_browser(*, username: str, password: str, origin: Origin, agent: str = "") -> BrowserSession:
    """Do as `sign_in` does, for a session that a cookie keeps alive."""
    user = _with_password(username=username, password=password, origin=origin)
    return begin_browser_session(user=user, methods=["pwd"], origin=origin, agent=agent)


def finish_sign_in(*, challenge: str, factor: SecondFactor, origin: Origin, agent: str = "") -> TokenPair:
    """Answer a sign-in's challenge with a second factor, and begin the session.

    Raises `SignInRefused` and `TooManyTries`.
    """
    said, user, methods = _with_second_factor(challenge, factor, origin)
    with transaction.atomic():
        provided = resumed(said, origin=origin)
        return begin_session(user=user, methods=methods, origin=origin, agent=agent, provided=provided)


def finish_sign_in_browser(*, challenge: str, factor: SecondFactor, origin: Origin, agent: str = "") -> BrowserSession:
    """Do as `finish_sign_in` does, for a session that a cookie keeps alive."""
    said, user, methods = _with_second_factor(challenge, factor, origin)
    with transaction.atomic():
        provided = resumed(said, origin=origin)
        return begin_browser_session(user=user, methods=methods, origin=origin, agent=agent, provided=provided)


def prove_again(*, user_id: UUID, session_id: UUID, password: str, origin: Origin) -> None:
    """Renew the proof within a session, for what needs a recent one; raises as `sign_in` does."""
    user = User.objects.get(pk=user_id)
    _check(user, account=user.username, password=password, origin=origin)
    require_second_factor(user, ["pwd"], purpose=RENEWAL)
    renew_proof(session_id=session_id, methods=["pwd"], origin=origin)


def begin_proving_again(*, user_id: UUID) -> tuple[str, Sequence[str]]:
    """Return a challenge, and how to answer it, for somebody who has no password to prove again who they are with.

    Their second factor is enough then: the session itself is what they proved first.

    Raises `OtherProofRequired` for who has a password, and for who has no second factor.
    """
    user = User.objects.get(pk=user_id)
    if user.has_usable_password() and _are_passwords_taken():
        raise OtherProofRequired("Send your password to /api/v1/identity/proof.")
    known = queries.second_factors_of(user.pk)
    if not known:
        raise OtherProofRequired("Sign in anew at your identity provider: /api/v1/identity/providers/{code}/proof.")
    return challenges.issue(user=user, purpose=RENEWAL).text, known


def finish_proving_again(
    *, user_id: UUID, session_id: UUID, challenge: str, factor: SecondFactor, origin: Origin
) -> None:
    """Answer the challenge of `prove_again` with a second factor; raises `SignInRefused` and `TooManyTries`."""
    said, user = challenged(challenge, purposes={RENEWAL}, user_id=user_id)
    methods = show(factor, challenge=said, user=user, origin=origin)
    renew_proof(session_id=session_id, methods=methods, origin=origin)


def check_own_password(*, user: User, password: str, origin: Origin) -> User:
    """Check the password of somebody who is signed in, as a try like any other; raises `SignInRefused`."""
    return _check(user, account=user.username, password=password, origin=origin)


def _with_password(*, username: str, password: str, origin: Origin) -> User:
    user = User.objects.filter(username__iexact=username).first()
    known = _check(user, account=username, password=password, origin=origin)
    if not _are_passwords_taken():
        raise SignInRefused("Passwords are switched off here. Sign in at an identity provider.")
    return known


def _are_passwords_taken() -> bool:
    return Provider.objects.filter(kind="local", is_enabled=True).exists()


def _check(user: User | None, *, account: str, password: str, origin: Origin) -> User:
    claim = throttle.claim(kind="password", account=account, origin=origin)
    try:
        is_right = check_password(password, user.password if user else _NO_PASSWORD)
    except Busy:
        claim.returned(origin=origin)
        raise
    if user is None or not is_right or not user.is_active:
        reason = "unknown_user" if user is None else "account_is_off" if is_right else "wrong_password"
        log.warning("sign_in.refused", user_id=str(user.pk) if user else None, reason=reason, ip=origin.ip)
        refused = SignInRefused("The username or the password is not right.")
        refused.budget = claim.budget
        refused.reason, refused.account_id = reason, user.pk if user else None
        raise refused
    claim.succeeded(origin=origin)
    return user


def _with_second_factor(challenge: str, factor: SecondFactor, origin: Origin) -> tuple[Challenge, User, Sequence[str]]:
    said, user = challenged(challenge, purposes={SIGN_IN})
    return said, user, show(factor, challenge=said, user=user, origin=origin)
