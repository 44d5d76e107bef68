"""Who signed in elsewhere: a second factor here, a logout over there, and a proof without a password."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from apps.identity.models import ExternalIdentity, HandOver, ProvidedSession, Provider, Session, Totp
from apps.identity.tests.hostile import SECRET, Hostile
from apps.identity.tests.sso import CHALLENGE, VERIFIER, Browser, make_provider, sign_in
from apps.identity.tests.test_second_factors import answered, challenge_in, code_now, with_app
from apps.identity.tests.test_sso import _query as query_of
from apps.identity.tests.test_sso_hostile import log_out
from audit.django.models import AuditEvent
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import PASSWORD, World

SENSITIVE = "/identity/factors/totp"


@pytest.fixture
def there(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    monkeypatch.setenv("SSO_SECRET_TEST", SECRET)
    with Hostile() as provider:
        make_provider(provider.issuer)
        yield provider


def client_of(there: Hostile, **claims: Any) -> Client:
    """Return somebody without a password, who signed in over there."""
    browser, came = sign_in(there, **claims)
    return Client(json_of(browser.take(came))["access"])


def age() -> None:
    Session.objects.update(authenticated_at=timezone.now() - timedelta(seconds=301))


def away(client: Client) -> Browser:
    """Go away to prove it again."""
    browser = Browser()
    begun = client.post("/identity/providers/acme/proof", {"challenge": CHALLENGE})
    assert begun.status_code == 200, begun.content
    browser.http.cookies["__Host-sso"] = begun.cookies["__Host-sso"].value
    browser.sent = query_of(json_of(begun)["address"])
    return browser


def back(there: Hostile, browser: Browser, **claims: Any) -> HttpResponse:
    """Come back from there with these claims."""
    token = there.honest(nonce=browser.sent["nonce"], **claims)
    there.token = lambda: {"access_token": "an access token", "token_type": "Bearer", "id_token": token.text()}
    return browser.back(iss=there.issuer)


def finish(client: Client, came: HttpResponse) -> HttpResponse:
    return client.post("/identity/proof/hand-over", {"code": json_of(came)["code"], "verifier": VERIFIER})


def test_p6_who_has_no_password_signs_in_anew_over_there(there: Hostile) -> None:
    client = client_of(there)
    age()
    assert refusal(client.post(SENSITIVE, {}))[:2] == (401, "proof_too_old")
    assert refusal(client.post("/identity/proof/challenge", {}))[:2] == (409, "other_proof_required")

    browser = away(client)
    came = back(there, browser, auth_time=int(time.time()))
    assert client.post(SENSITIVE, {}).status_code == 401
    done = finish(client, came)

    assert (browser.sent["prompt"], browser.sent["max_age"]) == ("login", "0")
    assert (done.status_code, client.post(SENSITIVE, {}).status_code) == (204, 200)
    assert refusal(finish(client, came))[:2] == (401, "sign_in_refused")
    events = AuditEvent.objects.order_by("seq").values_list("action", flat=True)
    assert list(events)[2:4] == ["user.proven", "session.proof_renewed"]


@pytest.mark.parametrize("auth_time", [None, "now", True, 0, 10**400, -3600, -61])
def test_p6_a_session_over_there_is_no_fresh_proof(there: Hostile, auth_time: object) -> None:
    client = client_of(there)
    age()
    if isinstance(auth_time, int) and auth_time < 0:
        auth_time += int(time.time())

    came = back(there, away(client), **({} if auth_time is None else {"auth_time": auth_time}))

    assert refusal(came)[:2] == (401, "assertion_refused")
    assert (HandOver.objects.count(), client.post(SENSITIVE, {}).status_code) == (0, 401)


@pytest.mark.parametrize("is_known", [True, False])
def test_p6_nobody_proves_who_they_are_by_being_somebody_else(there: Hostile, *, is_known: bool) -> None:
    if is_known:
        client_of(there, subject="grace", preferred_username="grace")
    client = client_of(there)
    known = ExternalIdentity.objects.count()
    age()

    came = back(there, away(client), subject="grace", auth_time=int(time.time()))

    assert refusal(came)[:2] == (401, "assertion_refused")
    assert (HandOver.objects.count(), ExternalIdentity.objects.count()) == (0, known)


def test_t2_the_codes_of_proofs_and_of_sign_ins_are_not_each_other_s(there: Hostile) -> None:
    client, other = client_of(there), client_of(there)
    age()
    body = {"verifier": VERIFIER}

    proof = json_of(back(there, away(client), auth_time=int(time.time())))["code"]
    as_token = Client("").post("/identity/token/hand-over", body | {"code": proof})
    _, came = sign_in(there)
    as_proof = client.post("/identity/proof/hand-over", body | {"code": json_of(came)["code"]})
    stolen = json_of(back(there, away(client), auth_time=int(time.time())))["code"]
    elsewhere = other.post("/identity/proof/hand-over", body | {"code": stolen})

    assert [refusal(each)[:2] for each in (as_token, as_proof, elsewhere)] == [(401, "sign_in_refused")] * 3
    assert (client.post(SENSITIVE, {}).status_code, other.post(SENSITIVE, {}).status_code) == (401, 401)
    assert HandOver.objects.count() == 0


def test_p6_a_second_factor_here_is_asked_for_as_well(there: Hostile) -> None:
    client, secret = with_second_factor(there)
    age()

    came = back(there, away(client), auth_time=int(time.time()))
    challenge = challenge_in(finish(client, came))
    assert client.post(SENSITIVE, {}).status_code == 401
    body = {"challenge": challenge, "method": "otp", "code": code_now(secret)}

    assert client.post("/identity/proof/second-factor", body).status_code == 204
    assert refusal(client.post(SENSITIVE, {}))[:2] == (409, "already_set_up")


def test_p6_who_has_no_password_proves_it_with_a_second_factor_alone(there: Hostile) -> None:
    client, secret = with_second_factor(there)
    age()

    asked = json_of(client.post("/identity/proof/challenge", {}))
    wrong = client.post(
        "/identity/proof/second-factor", {"challenge": asked["challenge"], "method": "otp", "code": "000000"}
    )
    assert (wrong.status_code, client.post(SENSITIVE, {}).status_code) == (401, 401)
    right = {"challenge": asked["challenge"], "method": "otp", "code": code_now(secret)}

    assert asked["methods"] == ["otp", "recovery"]
    assert client.post("/identity/proof/second-factor", right).status_code == 204
    assert refusal(client.post(SENSITIVE, {}))[:2] == (409, "already_set_up")


def test_p6_who_has_a_password_sends_it_first(api: Client) -> None:
    with_app(api)
    session = Session.objects.latest("created_at")
    Session.objects.filter(pk=session.pk).update(revoked_at=None)

    answer = api.post("/identity/proof/challenge", {})

    assert refusal(answer)[:2] == (409, "other_proof_required")
    # Where passwords are switched off, it would prove nothing.
    Provider.objects.filter(kind="local").update(is_enabled=False)
    assert api.post("/identity/proof/challenge", {}).status_code == 200


@pytest.mark.parametrize("what", ["link", "proof"])
def test_t6_what_a_session_began_ends_with_it(there: Hostile, what: str) -> None:
    """A thief who was signed out meanwhile would stay, by an identity of their own that is linked."""
    vera = Client.signed_in("vera", PASSWORD)
    browser = Browser()
    begun = vera.post(f"/identity/providers/acme/{what}", {"challenge": CHALLENGE})
    browser.http.cookies["__Host-sso"] = begun.cookies["__Host-sso"].value
    browser.sent = query_of(json_of(begun)["address"])
    new = {"current_password": PASSWORD, "new_password": "a new one, long enough"}
    assert vera.post("/identity/password", new).status_code == 204

    came = back(there, browser, subject="mallory", auth_time=int(time.time()))

    assert refusal(came)[:2] == (401, "assertion_refused")
    assert (ExternalIdentity.objects.count(), HandOver.objects.count()) == (0, 0)


# ---------------------------------------------------------------- S3: also where a second factor came between


def with_second_factor(there: Hostile) -> tuple[Client, bytes]:
    """Return somebody without a password who has an app here, and its secret."""
    secret, _ = with_app(client_of(there))
    answer = waiting(there)
    taken = answered(answer, method="otp", code=code_now(secret))
    assert taken.status_code == 200, taken.content
    Totp.objects.update(last_step=0)
    return Client(json_of(taken)["access"]), secret


def waiting(there: Hostile) -> str:
    """Return the challenge of a sign-in over there, within the session s1."""
    browser, came = sign_in(there, sid="s1")
    return challenge_in(browser.take(came))


@pytest.mark.parametrize(("subject", "name"), [("ada-over-there", None), (None, "s1")])
def test_s3_a_logout_over_there_ends_a_session_with_a_second_factor_here(
    there: Hostile, subject: str | None, name: str | None
) -> None:
    client, _ = with_second_factor(there)
    assert client.get("/me").status_code == 200
    assert (ProvidedSession.objects.filter(session_over_there="s1").count(), HandOver.objects.count()) == (1, 0)

    assert log_out(there.logout(subject=subject, session=name).text()).status_code == 204  # type: ignore[attr-defined]

    assert client.get("/me").status_code == 401


@pytest.mark.parametrize("meanwhile", ["logged_out", "switched_off", "too_late"])
@pytest.mark.parametrize("path", ["/identity/token/second-factor", "/identity/session/second-factor"])
def test_s3_who_left_over_there_does_not_finish_here(there: Hostile, meanwhile: str, path: str) -> None:
    _, secret = with_second_factor(there)
    challenge = waiting(there)
    sessions = Session.objects.count()

    if meanwhile == "logged_out":
        log_out(there.logout(subject="ada-over-there", session=None).text())
    elif meanwhile == "switched_off":
        Provider.objects.filter(code="acme").update(is_enabled=False)
    else:
        HandOver.objects.update(expires_at=timezone.now())

    assert refusal(answered(challenge, path, method="otp", code=code_now(secret)))[:2] == (401, "sign_in_refused")
    assert Session.objects.count() == sessions


def test_s3_a_logout_reaches_a_code_that_nobody_took_yet(there: Hostile) -> None:
    browser, came = sign_in(there, sid="s1")

    log_out(there.logout(subject=None, session="s1").text())

    assert refusal(browser.take(came))[:2] == (401, "sign_in_refused")
