"""What every provider of identities can do, and the values that go to and fro."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol

from apps.common.errors import Busy, Unauthenticated


class AssertionRefused(Unauthenticated):
    """What came back from the identity provider does not prove anything; the detail says which rule it broke."""

    code = "assertion_refused"
    title = "Sign-in refused"


class ProviderUnavailable(Busy):
    """The identity provider does not answer, or not as it should."""

    code = "provider_unavailable"
    title = "The identity provider does not answer"
    retry_after_seconds = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One way to a provider and back; `state`, `nonce` and `verifier` are new and random for each, `at` is now.

    With `is_fresh` a session over there is not enough: people are to sign in anew.
    """

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    at: datetime
    is_fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a browser brought back: the parameters of the callback, each of them once, and when."""

    parameters: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """Who signed in over there, as proven, and when if that was said.

    `methods` are RFC 8176 names; `groups` is None where nothing was said.
    """

    issuer: str
    subject: str
    username: str
    name: str
    methods: tuple[str, ...]
    groups: frozenset[str] | None = None
    session: str = ""
    authenticated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutAssertion:
    """Whose session ended over there, as proven: a subject, a session, or both. `token_id` is told once."""

    issuer: str
    subject: str
    session: str
    token_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was tried before a provider is switched on."""

    name: str
    is_ok: bool
    detail: str


class IdentityProvider(Protocol):
    """A place where people prove who they are; it sends them back with a form, or with a link."""

    comes_back_by_post: ClassVar[bool]

    def start(self, attempt: Attempt) -> str:
        """Return the address that the browser is sent to."""

    def finish(self, attempt: Attempt, answer: Answer) -> Assertion:
        """Return who came back; raises `AssertionRefused` unless all of it is proven."""

    def ended(self, token: str, at: datetime) -> LogoutAssertion:
        """Return whose session a logout token says has ended; raises `AssertionRefused` unless it is proven."""

    def check(self) -> Sequence[Check]:
        """Try everything that can be tried without a person."""


@dataclass(slots=True)
class Checks:
    """Collects what was tried."""

    done: list[Check] = field(default_factory=list)

    def add(self, name: str, *, is_ok: bool, detail: str) -> bool:
        """Note one result, and return it."""
        self.done.append(Check(name=name, is_ok=is_ok, detail=detail))
        return is_ok
