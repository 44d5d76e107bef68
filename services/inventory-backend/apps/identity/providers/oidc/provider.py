"""The code flow with PKCE, from the browser's leaving to the proof of who came back."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar, Final, Self
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec
from django.conf import settings as django_settings

import configs
from apps.common.outbound import Outbound, OutboundFailed
from apps.identity.providers.oidc import tokens
from apps.identity.providers.oidc.metadata import Issuers, Metadata, read_keys, read_metadata
from apps.identity.providers.oidc.settings import OidcSettings
from apps.identity.providers.protocol import (
    Answer,
    Assertion,
    AssertionRefused,
    Attempt,
    Check,
    Checks,
    LogoutAssertion,
    ProviderUnavailable,
)

issuers: Final = Issuers()
# RFC 6749, 4.1.2.1: what may be told to people of an error code that anybody can put into an address.
_ERROR: Final = re.compile(r"[a-z_]{1,64}")
# RFC 8176: the methods that a session here may be said to have been proven by.
_METHODS: Final = frozenset({"pwd", "otp", "hwk", "swk", "mfa", "pin", "fpt", "face", "sc", "pop"})
_MOST_GROUPS: Final = 500
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Oidc:
    """A relying party of one issuer."""

    settings: OidcSettings
    client: Outbound
    comes_back_by_post: ClassVar[bool] = False

    @classmethod
    def of(cls, settings: Mapping[str, object], *, client: Outbound) -> Self:
        """Return the relying party that the database describes."""
        return cls(msgspec.convert(settings, OidcSettings), client)

    def start(self, attempt: Attempt) -> str:
        """Return the address to sign in at; raises `ProviderUnavailable`."""
        metadata = _asked(partial(issuers.metadata, self.settings.issuer, self.client))
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        parameters = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        if attempt.is_fresh:
            # Both: `prompt` asks for it, and `max_age` for the claim that says so (OpenID Connect Core, 3.1.2.1).
            parameters |= {"prompt": "login", "max_age": "0"}
        joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return f"{metadata.authorization_endpoint}{joint}{urlencode(parameters)}"

    def finish(self, attempt: Attempt, answer: Answer) -> Assertion:
        """Trade the code that came back for an ID token, and return whom it proves.

        Raises `AssertionRefused`, and `ProviderUnavailable` where the issuer does not answer.
        """
        metadata = _asked(partial(issuers.metadata, self.settings.issuer, self.client))
        code = self._code(answer.parameters, metadata)
        token, access_token = self._traded(code, attempt, metadata)
        claims = _asked(
            lambda: tokens.id_token(
                token, self._expected(answer.at), nonce=attempt.nonce, access_token=access_token, code=code
            )
        )
        return self._assertion(claims)

    def ended(self, token: str, at: datetime) -> LogoutAssertion:
        """Return whose session a logout token ends; raises `AssertionRefused` or `ProviderUnavailable`."""
        claims = _asked(lambda: tokens.logout_token(token, self._expected(at)))
        return LogoutAssertion(
            issuer=self.settings.issuer,
            subject=claims.get("sub", ""),
            session=claims.get("sid", ""),
            token_id=claims["jti"],
            # By then it is too old, however long it says that it lasts.
            expires_at=at + timedelta(seconds=tokens.OLDEST + 2 * tokens.LEEWAY),
        )

    def check(self) -> Sequence[Check]:
        """Try the issuer's document, its keys, what it offers, and whether our own secret is there."""
        checks = Checks()
        try:
            metadata = read_metadata(self.settings.issuer, self.client)
            checks.add("discovery", is_ok=True, detail=f"{self.settings.issuer} speaks for itself")
        except OutboundFailed as error:
            checks.add("discovery", is_ok=False, detail=error.detail)
            return checks.done
        self._check_offers(checks, metadata)
        self._check_keys(checks, metadata)
        try:
            self._secret()
            checks.add("client secret", is_ok=True, detail=self.settings.client_secret_ref or "none is used")
        except configs.SecretUnavailable as error:
            checks.add("client secret", is_ok=False, detail=str(error))
        return checks.done

    def _check_offers(self, checks: Checks, metadata: Metadata) -> None:
        for name, wanted, absent in (
            ("response_types_supported", "code", ()),
            ("code_challenge_methods_supported", "S256", ()),
            # What a document that says nothing means (OpenID Connect Discovery 1.0, 3).
            ("token_endpoint_auth_methods_supported", self.settings.client_authentication, ("client_secret_basic",)),
        ):
            offered = metadata.facts.get(name, absent)
            is_ok = isinstance(offered, list | tuple) and wanted in offered
            checks.add(name, is_ok=is_ok, detail=wanted if is_ok else f"{wanted} is not offered")

    def _check_keys(self, checks: Checks, metadata: Metadata) -> None:
        try:
            keys = read_keys(metadata, self.client)
        except OutboundFailed as error:
            checks.add("keys", is_ok=False, detail=error.detail)
            return
        usable = [
            kid for kid, key in keys.items() if any(tokens.is_key_for(key, one) for one in self.settings.algorithms)
        ]
        detail = f"{len(usable)} of {len(keys)} keys fit {', '.join(self.settings.algorithms)}"
        checks.add("keys", is_ok=bool(usable), detail=detail)

    def _code(self, parameters: Mapping[str, str], metadata: Metadata) -> str:
        """Return the code of a callback (RFC 9207: from the issuer that the browser was sent to, if it says so)."""
        issuer = parameters.get("iss")
        if issuer != self.settings.issuer and (issuer is not None or metadata.answers_with_iss):
            raise AssertionRefused("The answer is not from the issuer that you were sent to. Begin again.")
        if (error := parameters.get("error")) is not None:
            known = error if _ERROR.fullmatch(error) else "an error"
            raise AssertionRefused(f"The identity provider answered: {known}.")
        code = parameters.get("code", "")
        if not code:
            raise AssertionRefused("The answer of the identity provider has no code. Begin again.")
        return code

    def _traded(self, code: str, attempt: Attempt, metadata: Metadata) -> tuple[object, str]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        form, headers = self._authenticated(form, headers)
        reply = _asked(partial(self.client.post, metadata.token_endpoint, urlencode(form).encode(), headers))
        if reply.status != _OK:
            raise AssertionRefused(f"The identity provider does not honour the code (status {reply.status}).")
        answer = _asked(reply.json)
        access_token, kind = answer.get("access_token"), answer.get("token_type")
        if not isinstance(access_token, str) or not isinstance(kind, str) or kind.lower() != "bearer":
            raise AssertionRefused("The identity provider's answer has no access token of type Bearer.")
        return answer.get("id_token"), access_token

    def _authenticated(self, form: dict[str, str], headers: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        try:
            secret = self._secret()
        except configs.SecretUnavailable as error:
            raise ProviderUnavailable(f"{error} `inventory provider test` tells more.") from error
        client_id = self.settings.client_id
        if self.settings.client_authentication == "client_secret_basic":
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"  # RFC 6749, 2.3.1
            return form, {**headers, "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        if self.settings.client_authentication == "client_secret_post":
            return {**form, "client_id": client_id, "client_secret": secret}, headers
        return {**form, "client_id": client_id}, headers

    def _secret(self) -> str:
        if self.settings.client_authentication == "none":
            return ""
        folder = django_settings.CONFIG.sso_secrets_dir
        return configs.secret(self.settings.client_secret_ref or "", folder=folder).get_secret_value()

    def _expected(self, at: datetime) -> tokens.Expected:
        return tokens.Expected(
            issuer=self.settings.issuer,
            client_id=self.settings.client_id,
            algorithms=self.settings.algorithms,
            key=lambda kid: issuers.key(self.settings.issuer, kid, self.client),
            now=at.timestamp(),
        )

    def _assertion(self, claims: tokens.Claims) -> Assertion:
        proven = _METHODS & set(_texts(claims.get("amr"))) if self.settings.trusts_amr else set()
        return Assertion(
            issuer=self.settings.issuer,
            subject=claims["sub"],
            username=_text(claims.get(self.settings.username_claim), 64),
            name=_text(claims.get("name"), 200),
            methods=("fed", *sorted(proven)),
            groups=self._groups(claims),
            session=session if tokens.is_name(session := claims.get("sid")) else "",
            authenticated_at=_instant(claims.get("auth_time")),
        )

    def _groups(self, claims: tokens.Claims) -> frozenset[str] | None:
        if not self.settings.groups_claim:
            return None
        # Who is in no group may have no such claim. One that cannot be read gives nothing, rather than what it gave.
        return frozenset(_texts(claims.get(self.settings.groups_claim))[:_MOST_GROUPS])


def _asked[T](ask: Callable[[], T]) -> T:
    try:
        return ask()
    except OutboundFailed as error:
        raise ProviderUnavailable(error.detail) from error


def _instant(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _texts(value: object) -> list[str]:
    return value if isinstance(value, list) and all(isinstance(each, str) for each in value) else []


def _text(value: object, length: int) -> str:
    return value.strip()[:length] if isinstance(value, str) and value.isprintable() else ""
