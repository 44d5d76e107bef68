"""Signing in elsewhere: away and back; and signed out there, so signed out here.

The network is asked before a transaction begins; then one transaction makes the change and its event.
"""

import base64
import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from uuid_utils.compat import uuid7

from apps.common.errors import Conflict, Invalid, NotFound
from apps.identity.actions import throttle
from apps.identity.actions.hand_overs import HANDED_OVER, digest_of
from apps.identity.actions.provided import sync_bindings
from apps.identity.actions.second_factor import SignInRefused
from apps.identity.actions.sessions import end_these_sessions
from apps.identity.models import (
    ExternalIdentity,
    HandOver,
    ProvidedSession,
    Provider,
    ScimUser,
    SeenLogout,
    Session,
    SignInAttempt,
    User,
)
from apps.identity.providers import Answer, Assertion, AssertionRefused, Attempt, provider_of
from audit import Event, Origin
from audit.django import actions as trail

AWAY: Final = timedelta(minutes=10)  # to sign in over there
_CLOCKS_DIFFER: Final = timedelta(seconds=30)
_LONGEST_USERNAME: Final = 64
STARTS: Final = 300  # of a network in an hour, that lead nowhere: each leaves a row for ten minutes
_AWAY_KIND: Final = "away"


class IdentityTaken(Conflict):
    """Whoever this is over there is linked to another account here."""

    code = "identity_taken"
    title = "Linked to another account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where the browser goes, and the secret that it is recognised by when it comes back."""

    address: str
    browser: str
    comes_back_by_post: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What a browser brought back, each of them once: with a form, or in the address."""

    values: Mapping[str, str]
    are_posted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """A proven sign-in: `code` is for whoever began it, at `return_to` or, without one, in the answer."""

    code: str
    return_to: str


def depart(
    *,
    provider_code: str,
    redirect_uri: str,
    challenge: str,
    return_to: str,
    origin: Origin,
    is_proof: bool = False,
) -> Departure:
    """Send somebody away to sign in; whoever has an `origin` of their own is linked when they come back.

    With `is_proof` they are not: they sign in anew over there, as whom they are known already, to prove within their
    session who they are.

    Raises `NotFound` for a provider that is off or not there, `Invalid` for an address that nobody listed, and
    `TooManyTries`.
    """
    if return_to and return_to not in settings.CONFIG.sso_return_urls:
        raise Invalid.at("?return_to", "unknown_return_to", "This address is not in INVENTORY_SSO_RETURN_URLS.")
    provider = enabled_provider(provider_code)
    throttle.claim_of_network(kind=_AWAY_KIND, origin=origin, free=STARTS)
    browser, state = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    there = provider_of(provider)
    address = there.start(_attempt(state, browser, redirect_uri, at=origin.at, is_fresh=is_proof))
    SignInAttempt.objects.filter(expires_at__lt=origin.at).delete()
    SignInAttempt.objects.create(
        state_digest=digest_of(state),
        browser_digest=digest_of(browser),
        provider=provider,
        user_id=origin.actor_id,
        session_id=origin.session_id,
        is_proof=is_proof,
        challenge=challenge,
        return_to=return_to,
        expires_at=origin.at + AWAY,
    )
    return Departure(address=address, browser=browser, comes_back_by_post=there.comes_back_by_post)


def come_back(*, provider_code: str, redirect_uri: str, browser: str, parameters: Parameters, origin: Origin) -> Return:
    """Take back who was sent away, and hand them over by a code.

    Raises `AssertionRefused` unless the same browser brings, in time and once, the proof of who signed in, and
    `SignInRefused` for somebody who has no account here.
    """
    provider = enabled_provider(provider_code)
    there = provider_of(provider)
    if there.comes_back_by_post is not parameters.are_posted:
        raise AssertionRefused("People come back from this provider in another way. Begin again.")
    state = parameters.values.get("RelayState" if parameters.are_posted else "state", "")
    attempt = _claimed(provider, state=state, browser=browser, origin=origin)
    answer = Answer(parameters=parameters.values, at=origin.at)
    assertion = there.finish(_attempt(state, browser, redirect_uri, at=origin.at), answer)
    came = _taken_back(provider, attempt, assertion, origin=origin)
    throttle.give_back(kind=_AWAY_KIND, origin=origin, free=STARTS)
    return came


def log_out_from_there(*, provider_code: str, token: str, origin: Origin) -> None:
    """End the sessions that a logout token names (OpenID Connect Back-Channel Logout 1.0).

    Raises `AssertionRefused` for a token that proves nothing or was obeyed before. A session that is not here (any
    more) is no error.
    """
    provider = enabled_provider(provider_code)
    ended = provider_of(provider).ended(token, origin.at)
    with transaction.atomic():
        SeenLogout.objects.filter(expires_at__lt=origin.at).delete()
        digest = hashlib.sha256(f"{provider.pk}\n{ended.token_id}".encode()).digest()
        _, is_new = SeenLogout.objects.get_or_create(digest=digest, defaults={"expires_at": ended.expires_at})
        if not is_new:
            raise AssertionRefused("This logout token was obeyed before.")
        names: dict[str, Any] = {"identity__provider": provider, "identity__issuer": ended.issuer}
        if ended.subject:
            names["identity__subject"] = ended.subject
        if ended.session:
            names["session_over_there"] = ended.session
        # First what has not become a session yet: whoever makes it one holds it until the session is here to be found.
        HandOver.objects.filter(**names).delete()
        found = ProvidedSession.objects.filter(**names).values_list("session_id", flat=True)
        count = end_these_sessions(list(found), at=origin.at)
        after = {"provider": provider.code, "sessions": count}
        event = Event(
            action="session.ended_over_there", object_type="provider", object_id=str(provider.pk), after=after
        )
        trail.record(event, origin=origin)


def enabled_provider(code: str) -> Provider:
    """Return a provider that people may use; raises `NotFound` for any other, alike."""
    enabled = Provider.objects.filter(code=code, is_enabled=True).exclude(kind="local")
    provider = None if "\0" in code else enabled.first()
    if provider is None:
        raise NotFound
    return provider


def _claimed(provider: Provider, *, state: str, browser: str, origin: Origin) -> SignInAttempt:
    """Use up the attempt of a state; of any number of rivals one gets it."""
    with transaction.atomic():
        mine = SignInAttempt.objects.select_for_update().filter(
            state_digest=digest_of(state), browser_digest=digest_of(browser), provider=provider
        )
        attempt = mine.first()
        if attempt is not None:
            SignInAttempt.objects.filter(pk=attempt.pk).delete()
    if attempt is None or attempt.expires_at <= origin.at:
        raise AssertionRefused("This browser was not sent to sign in, or too long ago. Begin again.")
    return attempt


@transaction.atomic
def _taken_back(provider: Provider, attempt: SignInAttempt, assertion: Assertion, *, origin: Origin) -> Return:
    if attempt.session_id is not None:
        _require_alive(attempt.session_id)
    if attempt.is_proof:
        identity, how = _proven_again(provider, attempt, assertion), "proven_again"
    else:
        identity, how = _identity(provider, attempt, assertion)
    user = identity.user
    if not user.is_active:
        raise SignInRefused("This account may not sign in.")
    changed: dict[str, Any] = {"granted": [], "revoked": []}
    if assertion.groups is not None and provider.scim_client_id is None:
        changed = sync_bindings(provider=provider, user=user, groups=assertion.groups)
    code = secrets.token_urlsafe(32)
    HandOver.objects.filter(expires_at__lt=origin.at).delete()
    HandOver.objects.create(
        digest=digest_of(code),
        identity=identity,
        challenge=attempt.challenge,
        methods=list(assertion.methods),
        session_over_there=assertion.session,
        session_id=attempt.session_id if attempt.is_proof else None,
        expires_at=origin.at + HANDED_OVER,
    )
    after = {"provider": provider.code, "how": how, **changed}
    trail.record(Event(action="user.proven", object_type="user", object_id=str(user.pk), after=after), origin=origin)
    return Return(code=code, return_to=attempt.return_to)


def _require_alive(session_id: UUID) -> None:
    """Refuse what a session began that is over: a thief who was signed out links nothing."""
    alive = Session.objects.select_for_update(no_key=True).filter(pk=session_id, revoked_at=None)
    if not alive.exists():
        raise AssertionRefused("The session that sent you away is over. Sign in again.")


def _proven_again(provider: Provider, attempt: SignInAttempt, assertion: Assertion) -> ExternalIdentity:
    """Return whom an assertion is here: the one who was sent away, and who signed in over there since then."""
    began_at = attempt.expires_at - AWAY
    if assertion.authenticated_at is None or assertion.authenticated_at < began_at - _CLOCKS_DIFFER:
        raise AssertionRefused("The identity provider does not say that you signed in anew. Begin again.")
    found = (
        ExternalIdentity.objects.select_related("user")
        .filter(provider=provider, issuer=assertion.issuer, subject=assertion.subject)
        .first()
    )
    if found is None or found.user_id != attempt.user_id:
        raise AssertionRefused("You signed in over there as somebody else than you are here.")
    return found


def _identity(provider: Provider, attempt: SignInAttempt, assertion: Assertion) -> tuple[ExternalIdentity, str]:
    """Return whom an assertion is here, and how that came about: `known`, `linked`, `announced` or `provisioned`."""
    names = {"provider": provider, "issuer": assertion.issuer, "subject": assertion.subject}
    known = ExternalIdentity.objects.select_related("user").filter(**names).first()
    if known is not None:
        if attempt.user_id not in {None, known.user_id}:
            raise IdentityTaken("Whoever you are over there is linked to another account here.")
        return known, "known"
    if attempt.user_id is not None:
        return ExternalIdentity.objects.create(user_id=attempt.user_id, **names), "linked"
    announced = ScimUser.objects.filter(provider=provider, external_id=assertion.subject, archived_at=None)[:2]
    if len(announced) == 1:  # of two with one externalId, neither is meant for certain
        return ExternalIdentity.objects.create(user_id=announced[0].user_id, **names), "announced"
    if not provider.provisions_users:
        raise SignInRefused("There is no account here for whoever you are over there. Ask an administrator.")
    return ExternalIdentity.objects.create(user=_provisioned(provider, assertion), **names), "provisioned"


def _provisioned(provider: Provider, assertion: Assertion) -> User:
    """Make a user without a password; a name that is taken stays with whoever has it."""
    # Names that look alike are one name (UAX 15), however they are spelled over there.
    wanted = unicodedata.normalize("NFKC", assertion.username).strip()[:_LONGEST_USERNAME]
    wanted = wanted or f"{provider.code}-{secrets.token_hex(4)}"
    for username in (wanted, f"{wanted[: _LONGEST_USERNAME - 9]}-{secrets.token_hex(4)}"):
        if User.objects.filter(username__iexact=username).exists():
            continue
        user = User(id=uuid7(), username=username, name=assertion.name)
        user.set_unusable_password()
        try:
            with transaction.atomic():
                user.save(force_insert=True)
        except IntegrityError:
            continue  # somebody was faster
        return user
    raise SignInRefused("No name is free for a new account. Try again.")


def _attempt(state: str, browser: str, redirect_uri: str, *, at: datetime, is_fresh: bool = False) -> Attempt:
    return Attempt(
        state=state,
        nonce=_derived("nonce", browser, state),
        verifier=_derived("verifier", browser, state),
        redirect_uri=redirect_uri,
        at=at,
        is_fresh=is_fresh,
    )


def _derived(purpose: str, browser: str, state: str) -> str:
    digest = hmac.digest(browser.encode(), f"{purpose}\n{state}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
