"""S1: a provider that lies. Every row is one wrong token; none is accepted, none is a 5xx, nothing is stored."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from joserfc import jws

from apps.identity.models import ExternalIdentity, HandOver, ProvidedSession, RefreshToken, SeenLogout, User
from apps.identity.providers.oidc import metadata
from apps.identity.providers.oidc.tokens import half_hash
from apps.identity.tests.hostile import (
    CLIENT,
    EC,
    ED,
    FOR_ENCRYPTION,
    FOREIGN,
    RSA,
    SECRET,
    WEAK_RSA,
    Forged,
    Hostile,
    public_as_secret,
)
from apps.identity.tests.sso import BASE, Browser, make_provider, sign_in
from audit.django.models import AuditEvent
from tests.answers import json_of
from tests.client import Client
from tests.world import World

type Forge = Callable[[Forged], object]


def claim(name: str, value: object) -> Forge:
    return lambda token: token.claims.update({name: value})


def without(name: str) -> Forge:
    return lambda token: token.claims.pop(name)


def head(**values: object) -> Forge:
    return lambda token: token.header.update(values)


def signed_by(key: object, **header: object) -> Forge:
    def forge(token: Forged) -> None:
        token.key = key  # type: ignore[assignment]
        token.header.update(header)

    return forge


def touched(touch: Callable[[str], object]) -> Forge:
    def forge(token: Forged) -> None:
        token.touch = touch

    return forge


def with_access_token(value: object, kind: object = "Bearer") -> Forge:
    def forge(token: Forged) -> None:
        token.access_token, token.token_type = value, kind

    return forge


def shifted(**seconds: int) -> Forge:
    def forge(token: Forged) -> None:
        token.claims.update({name: int(time.time()) + delta for name, delta in seconds.items()})

    return forge


def payload_swapped(text: str) -> str:
    """Keep a good signature, over other claims."""
    head_part, payload, signature = text.split(".")
    return f"{head_part}.{payload[:-4]}AAAA.{signature}"


LOGOUT: dict[str, object] = {"http://schemas.openid.net/event/backchannel-logout": {}}
WRONG: dict[str, Forge] = {
    "alg none": signed_by(RSA, alg="none"),
    "alg None in another case": signed_by(RSA, alg="nOnE"),
    "alg none without kid": signed_by(RSA, alg="none", kid=None),
    "alg absent": head(alg=None),
    "HS256 with the public key": signed_by(public_as_secret(RSA), alg="HS256"),
    "HS256 with the client secret": signed_by(SECRET.encode(), alg="HS256"),
    "an algorithm that was not agreed on": head(alg="RS384"),
    "ES256 by a key for RSA": signed_by(EC, alg="ES256", kid="rsa"),
    "RS256 under the name of a key for EC": head(kid="ec"),
    "signed by somebody else under our kid": signed_by(FOREIGN),
    "a key that is not published": signed_by(FOREIGN, kid="foreign"),
    "no kid": head(kid=None),
    "a kid that is a number": head(kid=7),
    "a kid that is a path": head(kid="../../dev/null"),
    "a key for encryption": signed_by(FOR_ENCRYPTION, kid="enc"),
    "a key of 1024 bits": signed_by(WEAK_RSA, kid="weak"),
    "a key that it brings itself": signed_by(FOREIGN, jwk=FOREIGN.as_dict(private=False)),
    "an address of keys of its own": head(jku="https://evil.example.com/keys"),
    "an address of a certificate": head(x5u="https://evil.example.com/cert"),
    "a certificate of its own": head(x5c=["MIIB"]),
    "an extension that must be understood": head(crit=["exp"]),
    "an unencoded payload": head(b64=False, crit=["b64"]),
    "an access token": head(typ="at+jwt"),
    "a logout token by its type": head(typ="logout+jwt"),
    "a logout token by its events": claim("events", LOGOUT),
    "another issuer": claim("iss", "https://evil.example.com"),
    "the issuer with a slash": lambda token: token.claims.update(iss=f"{token.claims['iss']}/"),
    "no issuer": without("iss"),
    "another audience": claim("aud", "another-client"),
    "no audience": without("aud"),
    "a further audience": claim("aud", [CLIENT, "another-client"]),
    "an audience that begins alike": claim("aud", f"{CLIENT}-2"),
    "an audience that is an object": claim("aud", {CLIENT: True}),
    "another party": claim("azp", "another-client"),
    "no subject": without("sub"),
    "an empty subject": claim("sub", ""),
    "a subject that is a number": claim("sub", 1),
    "a subject that is null": claim("sub", None),
    "a subject of 256 characters": claim("sub", "a" * 256),
    "a subject with a NUL": claim("sub", "ada\0"),
    "a subject with a space at its end": claim("sub", "ada-over-there "),
    "another nonce": claim("nonce", "n" * 43),
    "no nonce": without("nonce"),
    "a nonce that is a list": lambda token: token.claims.update(nonce=[token.claims["nonce"]]),
    "expired a minute ago": shifted(exp=-60),
    "no expiry": without("exp"),
    "an expiry that is text": claim("exp", "9999999999"),
    "an expiry that is true": lambda token: token.claims.update(exp=True),
    "issued in a minute": shifted(iat=60),
    "issued an hour ago": shifted(iat=-3600),
    "no time of issue": without("iat"),
    "not valid before a minute from now": shifted(nbf=60),
    "at_hash of another access token": claim("at_hash", half_hash("another", "RS256")),
    "an empty at_hash": claim("at_hash", ""),
    "at_hash by another hash": claim("at_hash", half_hash("an access token", "RS512")),
    "c_hash of another code": claim("c_hash", half_hash("another", "RS256")),
    "a signature that is cut off": touched(lambda text: text.rpartition(".")[0] + "."),
    "two parts": touched(lambda text: text.rpartition(".")[0]),
    "other claims under a good signature": touched(payload_swapped),
    "no text": touched(lambda _: 7),
    "null": touched(lambda _: None),
    "empty": touched(lambda _: ""),
    "not ASCII": touched(lambda text: text + "é"),
    "20 kB": claim("padding", "x" * 20_000),
    "claims that are a list": touched(lambda _: _resigned(b"[]")),
    "claims that are no JSON": touched(lambda _: _resigned(b"{")),
    "claims that are deep": touched(lambda _: _resigned(b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}")),
    "no access token": with_access_token(None),
    "an access token that is a list": with_access_token(["a"]),
    "an access token of another type": with_access_token("an access token", "DPoP"),
}


def _resigned(payload: bytes) -> str:
    return jws.serialize_compact({"alg": "RS256", "kid": "rsa"}, payload, RSA, algorithms=["RS256"])


@pytest.fixture
def there(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    monkeypatch.setenv("SSO_SECRET_TEST", SECRET)
    with Hostile() as provider:
        yield provider


def stored() -> tuple[int, ...]:
    return tuple(kind.objects.count() for kind in (User, ExternalIdentity, HandOver, RefreshToken, AuditEvent))


@pytest.mark.parametrize("name", WRONG)
def test_s1_a_wrong_token_is_refused(there: Hostile, name: str) -> None:
    make_provider(there.issuer)
    before = stored()

    _, came = sign_in(there, WRONG[name])

    assert (came.status_code, json_of(came)["code"]) == (401, "assertion_refused"), came.content
    assert stored() == before


def test_s1_the_table_is_long_enough() -> None:
    assert len(WRONG) >= 25


@pytest.mark.parametrize(
    ("key", "alg", "kid"), [(RSA, "RS256", "rsa"), (RSA, "PS256", "rsa"), (EC, "ES256", "ec"), (ED, "Ed25519", "ed")]
)
def test_s1_a_right_token_is_accepted_with_each_algorithm(there: Hostile, key: object, alg: str, kid: str) -> None:
    make_provider(there.issuer)

    def forge(token: Forged) -> None:
        signed_by(key, alg=alg, kid=kid)(token)
        token.claims |= {"at_hash": half_hash("an access token", alg), "c_hash": half_hash("a-code", alg)}
        token.claims |= {"aud": [CLIENT], "azp": CLIENT}

    _, came = sign_in(there, forge)

    assert came.status_code == 200, came.content


REPLIES: dict[str, tuple[int, bytes, int]] = {
    "an error": (400, b'{"error": "invalid_grant"}', 401),
    "a crash": (500, b"", 401),
    "a redirect": (302, b"", 503),
    "no JSON": (200, b"<html>", 503),
    "a list": (200, b"[]", 503),
    "over the limit": (200, b'{"a": "' + b"x" * 600_000 + b'"}', 503),
    "no token": (200, b'{"access_token": "a", "token_type": "Bearer"}', 401),
    "deep": (200, b"[" * 100_000, 503),
}


@pytest.mark.parametrize("name", REPLIES)
def test_s1_a_wrong_reply_is_refused(there: Hostile, name: str) -> None:
    make_provider(there.issuer)
    before = stored()
    status, content, expected = REPLIES[name]
    there.reply = lambda: (status, content)
    browser = Browser()
    browser.start()

    came = browser.back(iss=there.issuer)

    assert came.status_code == expected, came.content
    assert stored() == before
    assert [path for path, _, _ in there.requests].count("/keys") == 1  # no redirect was followed


DOCUMENTS: dict[str, dict[str, object]] = {
    "another issuer": {"issuer": "https://evil.example.com"},
    "no issuer": {"issuer": None},
    "http elsewhere": {"token_endpoint": "http://example.com/token"},
    "a file": {"jwks_uri": "file:///etc/passwd"},
    "an address that is not public": {"jwks_uri": "https://169.254.169.254/latest/meta-data"},
    "a user in the address": {"token_endpoint": "https://user@example.com/token"},
    "a number": {"authorization_endpoint": 7},
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_s1_a_wrong_discovery_document_is_refused(there: Hostile, name: str) -> None:
    make_provider(there.issuer)
    there.metadata = DOCUMENTS[name]

    answer = Browser().start()

    assert (answer.status_code, json_of(answer)["code"]) == (503, "provider_unavailable")


def test_s1_a_new_key_is_looked_for_and_an_unknown_one_not_again_and_again(
    there: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_provider(there.issuer)
    there.keys = [EC]
    assert sign_in(there, signed_by(EC, alg="ES256", kid="ec"))[1].status_code == 200
    there.keys = [EC, RSA]

    assert sign_in(there)[1].status_code == 200
    looked = [path for path, _, _ in there.requests].count("/keys")
    for _ in range(3):
        assert sign_in(there, signed_by(FOREIGN, kid="made-up"))[1].status_code == 401
    assert [path for path, _, _ in there.requests].count("/keys") == looked == 2
    monkeypatch.setattr(metadata, "COOLDOWN", 0.0)
    sign_in(there, signed_by(FOREIGN, kid="made-up"))
    assert [path for path, _, _ in there.requests].count("/keys") == 3


# ---------------------------------------------------------------- S3: logged out there, so here


def log_out(token: object) -> object:
    return Browser().http.post(
        f"{BASE}/providers/acme/backchannel-logout",
        f"logout_token={token}",
        content_type="application/x-www-form-urlencoded",
    )


@pytest.fixture
def session(there: Hostile) -> str:
    """Return an access token of a session that began over there as `s1` of `ada-over-there`."""
    make_provider(there.issuer)
    browser, came = sign_in(there, sid="s1")
    return str(json_of(browser.take(came))["access"])


@pytest.mark.parametrize(("subject", "name"), [("ada-over-there", "s1"), ("ada-over-there", None), (None, "s1")])
def test_s3_a_logout_over_there_ends_the_session_here(
    there: Hostile, session: str, subject: str | None, name: str | None
) -> None:
    assert Client(session).get("/me").status_code == 200

    answer = log_out(there.logout(subject=subject, session=name).text())

    assert answer.status_code == 204, answer.content  # type: ignore[attr-defined]
    assert Client(session).get("/me").status_code == 401
    assert AuditEvent.objects.latest("seq").after == {"provider": "acme", "sessions": 1}


def test_s3_another_session_or_subject_goes_on(there: Hostile, session: str) -> None:
    for number, (subject, name) in enumerate([("somebody", None), (None, "s2"), ("somebody", "s1")]):
        answer = log_out(there.logout(subject=subject, session=name, jti=str(number)).text())
        assert answer.status_code == 204  # type: ignore[attr-defined]

    assert Client(session).get("/me").status_code == 200


def test_s3_a_logout_token_is_obeyed_once(there: Hostile, session: str) -> None:
    token = there.logout(subject="ada-over-there", session=None).text()

    statuses = [log_out(token).status_code for _ in range(2)]  # type: ignore[attr-defined]

    assert statuses == [204, 400]
    assert SeenLogout.objects.count() == 1


WRONG_LOGOUTS: dict[str, Forge] = {
    "an ID token": lambda token: (token.header.update(typ="JWT"), token.claims.pop("events")),
    "no type": head(typ=None),
    "another type": head(typ="JWT"),
    "a nonce": claim("nonce", "n"),
    "no events": without("events"),
    "another event": claim("events", {"http://schemas.openid.net/event/other": {}}),
    "an event that is text": claim("events", {"http://schemas.openid.net/event/backchannel-logout": "yes"}),
    "no jti": without("jti"),
    "neither subject nor session": lambda token: (token.claims.pop("sub"), token.claims.pop("sid")),
    "a subject that is a list": claim("sub", ["ada-over-there"]),
    "another issuer": claim("iss", "https://evil.example.com"),
    "another audience": claim("aud", "another-client"),
    "expired": shifted(exp=-60),
    "no expiry": without("exp"),
    "issued an hour ago": shifted(iat=-3600),
    "signed by somebody else": signed_by(FOREIGN),
    "alg none": signed_by(RSA, alg="none"),
}


@pytest.mark.parametrize("name", WRONG_LOGOUTS)
def test_s3_a_wrong_logout_token_ends_nothing(there: Hostile, session: str, name: str) -> None:
    token = there.logout(subject="ada-over-there", session="s1")
    WRONG_LOGOUTS[name](token)
    before = stored()

    answer = log_out(token.text())

    assert answer.status_code == 400, answer.content  # type: ignore[attr-defined]
    assert Client(session).get("/me").status_code == 200
    assert (stored(), SeenLogout.objects.count()) == (before, 0)


def test_s3_no_form_is_refused(session: str) -> None:
    http = Browser().http
    path = f"{BASE}/providers/acme/backchannel-logout"

    answers = [
        http.post(path, body, content_type="application/x-www-form-urlencoded")
        for body in ("", "a=b", "logout_token=%ff")
    ]
    answers.append(http.post(path, json.dumps({"logout_token": "x"}), content_type="application/json"))

    assert [answer.status_code for answer in answers] == [400, 400, 400, 415]
    assert ProvidedSession.objects.count() == 1
    assert Client(session).get("/me").status_code == 200
