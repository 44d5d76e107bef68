"""The end of a sign-in elsewhere: its code becomes a session, or renews the proof within one.

Each code is used up in the transaction that obeys it, so that a logout over there finds either the code or the session.
"""

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from apps.identity import challenges
from apps.identity.actions.second_factor import RENEWAL, SecondFactorRequired, SignInRefused, require_second_factor
from apps.identity.actions.sessions import begin_session, renew_proof
from apps.identity.challenges import Challenge
from apps.identity.models import HandOver
from apps.identity.types import Provided, TokenPair
from audit import Origin

HANDED_OVER: Final = timedelta(minutes=1)  # to come and take the tokens
# What those who proved it elsewhere were proved by.
FED: Final = "fed"


def digest_of(text: str) -> bytes:
    """Return what is kept of a secret that is handed out once."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def hand_over(*, code: str, verifier: str, origin: Origin, agent: str = "") -> TokenPair:
    """Trade the code of a proven sign-in, once and within a minute, for a session.

    `verifier` is what the `challenge` of the beginning was made of (as RFC 7636 has it): a code that leaked from an
    address is of no use. Raises `SignInRefused`, and `SecondFactorRequired` as `begin_session` does.
    """
    with transaction.atomic():
        found = _used_up(code, verifier, session_id=None, origin=origin)
        refused: SecondFactorRequired | None = None
        if found is not None:
            try:
                return begin_session(
                    user=found.identity.user,
                    methods=found.methods,
                    origin=origin,
                    agent=agent,
                    provided=Provided(identity_id=found.identity_id, session_over_there=found.session_over_there),
                )
            except SecondFactorRequired as error:
                _keep(found, challenge=error.challenge, origin=origin)
                refused = error
    raise refused or SignInRefused("This code cannot be used (any more). Begin again.")


def finish_proof_elsewhere(*, code: str, verifier: str, session_id: UUID, origin: Origin) -> None:
    """Renew the proof within a session by the code of a sign-in elsewhere that this session asked for.

    Raises `SignInRefused`, and `SecondFactorRequired` where the account has a second factor that was not shown.
    """
    with transaction.atomic():
        found = _used_up(code, verifier, session_id=session_id, origin=origin)
    if found is None:
        raise SignInRefused("This code cannot be used (any more). Begin again.")
    require_second_factor(found.identity.user, found.methods, purpose=RENEWAL)
    renew_proof(session_id=session_id, methods=found.methods, origin=origin)


def resumed(challenge: Challenge, *, origin: Origin) -> Provided | None:
    """Return where a sign-in began that waited for a second factor here; None where it began here.

    Part of the caller's transaction. Raises `SignInRefused` where it ended over there meanwhile, or its provider was
    switched off.
    """
    if FED not in challenge.methods:
        return None
    waiting = HandOver.objects.select_for_update(of=("self",)).filter(digest=challenge.digest, expires_at__gt=origin.at)
    found = waiting.select_related("identity__provider").first()
    if found is None or not found.identity.provider.is_enabled:
        raise SignInRefused("This sign-in ended over there. Begin again.")
    HandOver.objects.filter(pk=found.pk).delete()
    return Provided(identity_id=found.identity_id, session_over_there=found.session_over_there)


def _used_up(code: str, verifier: str, *, session_id: UUID | None, origin: Origin) -> HandOver | None:
    """Return what a code stands for, which nobody can use again; None unless all of it fits.

    A wrong verifier uses it up as well, and so does the wrong session: whoever has the code without them stole it.
    """
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    mine = HandOver.objects.select_for_update(of=("self",)).filter(digest=digest_of(code))
    found = mine.select_related("identity__user", "identity__provider").first()
    if found is None:
        return None
    HandOver.objects.filter(pk=found.pk).delete()
    fits = (
        found.expires_at > origin.at
        and found.session_id == session_id
        and found.identity.provider.is_enabled
        and hmac.compare_digest(found.challenge, challenge)
    )
    return found if fits else None


def _keep(found: HandOver, *, challenge: str, origin: Origin) -> None:
    """Let what is known of the session over there wait for the second factor; without a hash it is no code."""
    HandOver.objects.create(
        digest=digest_of(challenge),
        identity=found.identity,
        challenge="",
        methods=found.methods,
        session_over_there=found.session_over_there,
        expires_at=origin.at + challenges.LIFETIME,
    )
