"""Signing in elsewhere: away, back, and handed over; and signed out there, so signed out here.

The network is asked before a transaction begins; then one transaction makes the change and its event.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from uuid_utils.compat import uuid7

from apps.common.errors import Conflict, Invalid, NotFound
from apps.identity.actions.provided import sync_bindings
from apps.identity.actions.second_factor import SignInRefused
from apps.identity.actions.sessions import begin_session, end_these_sessions
from apps.identity.models import (
    ExternalIdentity,
    HandOver,
    ProvidedSession,
    Provider,
    ScimUser,
    SeenLogout,
    SignInAttempt,
    User,
)
from apps.identity.providers import Answer, Assertion, AssertionRefused, Attempt, provider_of
from apps.identity.tokens import AccessToken
from apps.identity.types import TokenPair
from audit import Event, Origin
from audit.django import actions as trail

AWAY: Final = timedelta(minutes=10)  # to sign in over there
HANDED_OVER: Final = timedelta(minutes=1)  # to come and take the tokens
_LONGEST_USERNAME: Final = 64


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


def depart(*, provider_code: str, redirect_uri: str, challenge: str, return_to: str, origin: Origin) -> Departure:
    """Send somebody away to sign in; whoever has an `origin` of their own is linked when they come back.

    Raises `NotFound` for a provider that is off or not there, `Invalid` for an address that nobody listed.
    """
    if return_to and return_to not in settings.CONFIG.sso_return_urls:
        raise Invalid.at("?return_to", "unknown_return_to", "This address is not in INVENTORY_SSO_RETURN_URLS.")
    provider = enabled_provider(provider_code)
    browser, state = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    there = provider_of(provider)
    address = there.start(_attempt(state, browser, redirect_uri, at=origin.at))
    SignInAttempt.objects.filter(expires_at__lt=origin.at).delete()
    SignInAttempt.objects.create(
        state_digest=_digest(state),
        browser_digest=_digest(browser),
        provider=provider,
        user_id=origin.actor_id,
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
    return _taken_back(provider, attempt, assertion, origin=origin)


def hand_over(*, code: str, verifier: str, origin: Origin, agent: str = "") -> TokenPair:
    """Trade the code of a proven sign-in, once and within a minute, for a session.

    `verifier` is what the `challenge` of the beginning was made of (as RFC 7636 has it): a code that leaked from an
    address is of no use. Raises `SignInRefused`, and `SecondFactorRequired` as `begin_session` does.
    """
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    with transaction.atomic():
        found = HandOver.objects.select_for_update(of=("self",)).filter(digest=_digest(code)).first()
        if found is not None:
            # A wrong verifier uses it up as well: whoever has the code without it stole it.
            found.delete()
    if found is None or found.expires_at <= origin.at or not hmac.compare_digest(found.challenge, challenge):
        raise SignInRefused("This code cannot be used (any more). Begin again.")
    identity = ExternalIdentity.objects.select_related("user", "provider").get(pk=found.identity_id)
    if not identity.provider.is_enabled:
        raise SignInRefused("This provider was switched off. Sign in elsewhere.")
    with transaction.atomic():
        pair = begin_session(user=identity.user, methods=found.methods, origin=origin, agent=agent)
        session_id = UUID(AccessToken(pair.access.encode())["sid"])  # type: ignore[arg-type]  # simplejwt takes bytes
        ProvidedSession.objects.create(
            session_id=session_id, identity=identity, session_over_there=found.session_over_there
        )
    return pair


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
        named = ProvidedSession.objects.filter(identity__provider=provider, identity__issuer=ended.issuer)
        if ended.subject:
            named = named.filter(identity__subject=ended.subject)
        if ended.session:
            named = named.filter(session_over_there=ended.session)
        count = end_these_sessions([each.session_id for each in named], at=origin.at)
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
            state_digest=_digest(state), browser_digest=_digest(browser), provider=provider
        )
        attempt = mine.first()
        if attempt is not None:
            SignInAttempt.objects.filter(pk=attempt.pk).delete()
    if attempt is None or attempt.expires_at <= origin.at:
        raise AssertionRefused("This browser was not sent to sign in, or too long ago. Begin again.")
    return attempt


@transaction.atomic
def _taken_back(provider: Provider, attempt: SignInAttempt, assertion: Assertion, *, origin: Origin) -> Return:
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
        digest=_digest(code),
        identity=identity,
        challenge=attempt.challenge,
        methods=list(assertion.methods),
        session_over_there=assertion.session,
        expires_at=origin.at + HANDED_OVER,
    )
    after = {"provider": provider.code, "how": how, **changed}
    trail.record(Event(action="user.proven", object_type="user", object_id=str(user.pk), after=after), origin=origin)
    return Return(code=code, return_to=attempt.return_to)


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
    wanted = assertion.username or f"{provider.code}-{secrets.token_hex(4)}"
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


def _attempt(state: str, browser: str, redirect_uri: str, *, at: datetime) -> Attempt:
    return Attempt(
        state=state,
        nonce=_derived("nonce", browser, state),
        verifier=_derived("verifier", browser, state),
        redirect_uri=redirect_uri,
        at=at,
    )


def _derived(purpose: str, browser: str, state: str) -> str:
    digest = hmac.digest(browser.encode(), f"{purpose}\n{state}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
