"""Signing in elsewhere, against a provider that is honest."""

import base64
import hashlib
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.http import HttpResponse

from apps.identity.actions.federation import STARTS
from apps.identity.models import (
    ExternalIdentity,
    HandOver,
    ProvidedBinding,
    RefreshToken,
    SignInAttempt,
    Throttle,
    User,
)
from apps.identity.tests.hostile import CLIENT, SECRET, Hostile
from apps.identity.tests.sso import BASE, CHALLENGE, Browser, make_provider, sign_in
from audit.django.models import AuditEvent
from rbac.django.actions import bind
from rbac.django.models import Binding
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import PASSWORD, World


@pytest.fixture
def there(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    monkeypatch.setenv("SSO_SECRET_TEST", SECRET)
    with Hostile() as provider:
        yield provider


def test_who_proves_it_over_there_is_signed_in_here(there: Hostile) -> None:
    make_provider(there.issuer)

    browser, came = sign_in(there, amr=["pwd", "otp"])
    taken = browser.take(came)

    assert (came.status_code, sorted(json_of(came))) == (200, ["code", "expires_in"])
    assert (taken.status_code, sorted(json_of(taken))) == (200, ["access", "expires_in", "refresh", "token_type"])
    me = json_of(Client(json_of(taken)["access"]).get("/me"))
    assert (me["username"], me["name"], me["roles"]) == ("ada.over.there", "Ada Elsewhere", [])
    events = AuditEvent.objects.order_by("seq").values_list("action", "after")
    assert list(events) == [
        ("user.proven", {"provider": "acme", "how": "provisioned", "granted": [], "revoked": []}),
        ("user.signed_in", {"methods": ["fed"]}),
    ]
    assert SECRET not in str(list(AuditEvent.objects.values()))


def test_s1_state_nonce_and_pkce_are_new_and_the_verifier_is_sent(there: Hostile) -> None:
    make_provider(there.issuer)
    first, _ = sign_in(there)
    second, _ = sign_in(there)

    assert first.sent["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first.sent[name]) == 43
        assert first.sent[name] != second.sent[name]
    path, form, authorization = there.requests[-1]
    assert path == "/token"
    digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == second.sent["code_challenge"]
    assert form["redirect_uri"] == ["http://testserver/api/v1/identity/providers/acme/callback"]
    assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == (f"{CLIENT}:{SECRET.replace(' ', '+')}")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": "another"}, "not sent"),
        ({"state": None}, "not sent"),
        ({"iss": "http://127.0.0.1:1"}, "not from the issuer"),
        ({"iss": None}, "not from the issuer"),
        ({"error": "access_denied"}, "access_denied"),
        ({"error": "<script>"}, "an error"),
        ({"code": None}, "no code"),
    ],
)
def test_s1_a_callback_of_another_conversation_is_refused(
    there: Hostile, change: dict[str, str | None], why: str
) -> None:
    make_provider(there.issuer)
    browser = Browser()
    browser.start()
    token = there.honest(nonce=browser.sent["nonce"])
    there.token = lambda: {"access_token": "a", "token_type": "Bearer", "id_token": token.text()}

    answer = browser.back(**{"iss": there.issuer, **change})

    assert (answer.status_code, json_of(answer)["code"]) == (401, "assertion_refused")
    assert why in json_of(answer)["detail"]
    assert "<" not in json_of(answer)["detail"]
    assert (HandOver.objects.count(), ExternalIdentity.objects.count(), AuditEvent.objects.count()) == (0, 0, 0)


def test_s1_another_browser_cannot_finish_what_this_one_began(there: Hostile) -> None:
    make_provider(there.issuer)
    victim, attacker = Browser(), Browser()
    attacker.start()
    victim.start()
    victim.sent = attacker.sent

    assert refusal(victim.back(iss=there.issuer))[:2] == (401, "assertion_refused")
    # Nor can it use up what was begun.
    assert (HandOver.objects.count(), SignInAttempt.objects.count()) == (0, 2)


def test_s1_a_callback_works_once(there: Hostile) -> None:
    make_provider(there.issuer)
    browser, came = sign_in(there)
    assert came.status_code == 200

    assert refusal(browser.back(iss=there.issuer))[:2] == (401, "assertion_refused")
    assert (HandOver.objects.count(), SignInAttempt.objects.count()) == (1, 0)


def test_s1_an_attempt_that_is_too_old_is_refused(there: Hostile) -> None:
    make_provider(there.issuer)
    browser = Browser()
    browser.start()
    token = there.honest(nonce=browser.sent["nonce"])
    there.token = lambda: {"access_token": "a", "token_type": "Bearer", "id_token": token.text()}
    SignInAttempt.objects.update(expires_at="2020-01-01T00:00:00Z")

    assert refusal(browser.back(iss=there.issuer))[:2] == (401, "assertion_refused")
    assert HandOver.objects.count() == 0


def test_the_code_is_for_whoever_began_and_for_one_use(there: Hostile) -> None:
    make_provider(there.issuer)
    thief, came = sign_in(there)
    stolen = thief.take(came, verifier="w" * 43)
    late = thief.take(came)
    browser, came = sign_in(there)
    first, second = browser.take(came), browser.take(came)

    assert [answer.status_code for answer in (stolen, late, first, second)] == [401, 401, 200, 401]
    assert RefreshToken.objects.count() == 1


def test_the_code_expires(there: Hostile) -> None:
    make_provider(there.issuer)
    browser, came = sign_in(there)
    HandOver.objects.update(expires_at="2020-01-01T00:00:00Z")

    assert browser.take(came).status_code == 401
    assert RefreshToken.objects.count() == 0


def test_the_address_to_come_back_to_is_listed_and_gets_a_code_only(
    there: Hostile, settings: pytest.FixtureRequest
) -> None:
    settings.CONFIG = settings.CONFIG.model_copy(  # type: ignore[attr-defined]
        update={"sso_return_urls": ("https://app.example.com/back",)}
    )
    make_provider(there.issuer)
    browser = Browser()
    assert refusal(browser.start(return_to="https://evil.example.com/"))[2] == [("?return_to", "unknown_return_to")]
    assert SignInAttempt.objects.count() == 0

    browser.start(return_to="https://app.example.com/back")
    token = there.honest(nonce=browser.sent["nonce"])
    there.token = lambda: {"access_token": "a", "token_type": "Bearer", "id_token": token.text()}
    came = browser.back(iss=there.issuer)

    assert came.status_code == 303
    address, _, query = came["Location"].partition("?")
    assert address == "https://app.example.com/back"
    assert query.startswith("code=")
    assert "ey" not in query[:7]


def test_s2_a_name_or_an_e_mail_that_somebody_has_here_links_nothing(there: Hostile, world: World) -> None:
    make_provider(there.issuer)

    browser, came = sign_in(
        there, preferred_username="Ada", email="ada@example.com", email_verified=True, subject="mallory"
    )
    me = json_of(Client(json_of(browser.take(came))["access"]).get("/me"))

    assert me["id"] != str(world.users["ada"])
    assert me["username"].startswith("Ada-")
    assert me["permissions"] == []


def test_s1_the_same_subject_of_another_provider_is_somebody_else(there: Hostile) -> None:
    make_provider(there.issuer)
    _, came = sign_in(there)
    assert came.status_code == 200
    with Hostile() as other:
        make_provider(other.issuer, code="other")
        browser = Browser()
        browser.start("other")
        token = other.honest(nonce=browser.sent["nonce"])
        other.token = lambda: {"access_token": "a", "token_type": "Bearer", "id_token": token.text()}
        assert browser.back("other", iss=other.issuer).status_code == 200

    assert ExternalIdentity.objects.values("user").distinct().count() == 2


def test_somebody_without_an_account_is_refused_where_none_is_made(there: Hostile) -> None:
    make_provider(there.issuer, provisions_users=False)
    users = User.objects.count()

    _, came = sign_in(there)

    assert refusal(came)[:2] == (401, "sign_in_refused")
    assert (User.objects.count(), ExternalIdentity.objects.count(), AuditEvent.objects.count()) == (users, 0, 0)


def test_somebody_who_is_switched_off_here_stays_out(there: Hostile) -> None:
    make_provider(there.issuer)
    browser, came = sign_in(there)
    User.objects.filter(username="ada.over.there").update(is_active=False)

    assert browser.take(came).status_code == 401
    _, again = sign_in(there)
    assert refusal(again)[:2] == (401, "sign_in_refused")
    assert RefreshToken.objects.count() == 0


def test_groups_give_roles_and_take_them_away_but_not_what_somebody_granted(there: Hostile, world: World) -> None:
    place = str(world.locations["A"])
    make_provider(
        there.issuer,
        groups_claim="groups",
        group_roles=[
            {"group": "pickers", "role": "picker", "location": place},
            {"group": "pickers", "role": "viewer", "location": None},
            {"group": "bosses", "role": "administrator", "location": None},
            {"group": "pickers", "role": "no-such-role", "location": None},
        ],
    )

    def held(groups: object) -> list[tuple[str, str | None]]:
        _, came = sign_in(there, groups=groups)
        assert came.status_code == 200, came.content
        user = User.objects.get(username="ada.over.there")
        return sorted(Binding.objects.filter(user=user).values_list("role__code", "location__code"), key=str)

    assert held(["pickers", "unmapped"]) == [("picker", "A"), ("viewer", None)]
    user = User.objects.get(username="ada.over.there")
    bind(user_id=user.pk, role_code="counter", location_id=None)
    assert held(["bosses"]) == [("administrator", None), ("counter", None)]
    assert held("bosses") == [("counter", None)]
    assert ProvidedBinding.objects.count() == 0
    after = AuditEvent.objects.filter(action="user.proven").latest("seq").after
    assert after is not None
    assert after["revoked"] == [{"role": "administrator", "location": None}]


def test_p5_methods_of_over_there_count_only_where_they_are_trusted(there: Hostile) -> None:
    make_provider(there.issuer, trusts_amr=True)

    sign_in(there, amr=["mfa", "otp", "made-up", "kba"])

    assert HandOver.objects.get().methods == ["fed", "mfa", "otp"]


def test_s2_whoever_is_signed_in_links_and_nobody_is_linked_twice(there: Hostile, world: World) -> None:
    make_provider(there.issuer, provisions_users=False)
    for username, status in (("vera", 200), ("alan", 409)):
        browser = Browser()
        token = json_of(_sign_in_here(username))["access"]
        begun = browser.http.post(
            f"{BASE}/providers/acme/link",
            {"challenge": CHALLENGE},
            format="json",
            headers={"Authorization": f"Bearer {token}"},
        )
        browser.sent = _query(json_of(begun)["address"])
        forged = there.honest(nonce=browser.sent["nonce"])
        there.token = lambda: {"access_token": "a", "token_type": "Bearer", "id_token": forged.text()}  # noqa: B023  # now
        assert browser.back(iss=there.issuer).status_code == status

    identity = ExternalIdentity.objects.get()
    assert identity.user_id == world.users["vera"]
    _, came = sign_in(there)
    assert came.status_code == 200


@pytest.mark.parametrize("claim", ["name", "preferred_username", "sid", "groups", "amr"])
@pytest.mark.parametrize("value", [7, None, "a\0b", ["a\0b"], {"a": 1}, "x" * 5000, "", " ", "\u202e"])
def test_b4_odd_claims_beside_the_proof_are_left_out(there: Hostile, claim: str, value: object) -> None:
    make_provider(there.issuer, groups_claim="groups", trusts_amr=True)

    browser, came = sign_in(there, lambda token: token.claims.update({claim: value}))

    assert (came.status_code, browser.take(came).status_code) == (200, 200)


@pytest.mark.usefixtures("there")
def test_b4_odd_addresses_are_no_crash() -> None:
    http = Browser().http
    odd = ("a%00b", "%F0%9F%92%A9", "x" * 500)
    paths = [f"{BASE}/providers/{code}/{verb}" for code in odd for verb in ("start", "callback")]

    assert {http.get(path, {"challenge": CHALLENGE}).status_code for path in paths} == {404}
    assert {http.get(path, {"state": "a\0", "code": "\0"}).status_code for path in paths} == {400, 404}
    for query in ({}, {"challenge": "short"}):
        answer = http.get(f"{BASE}/providers/acme/start", query)
        assert (answer.status_code, [each["pointer"] for each in json_of(answer)["errors"]]) == (400, ["?challenge"])


def test_a_provider_that_is_off_or_unknown_reads_alike(there: Hostile) -> None:
    make_provider(there.issuer, is_enabled=False)

    answers = [Browser().start(code) for code in ("acme", "nobody", "local")]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert there.requests == []


def test_a_provider_that_does_not_answer_is_said_to_be_away(there: Hostile) -> None:
    make_provider(there.issuer)
    there.metadata = {"issuer": "https://elsewhere.example.com"}

    answer = Browser().start()

    assert (answer.status_code, json_of(answer)["code"]) == (503, "provider_unavailable")
    assert answer["Retry-After"] == "5"
    assert SignInAttempt.objects.count() == 0


def test_the_cookie_is_bound_to_this_host_and_hidden(there: Hostile) -> None:
    make_provider(there.issuer)

    cookie = Browser().start().cookies["__Host-sso"]

    found = (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"])
    assert found == (True, True, "Lax", "/", "")


def _sign_in_here(username: str) -> HttpResponse:
    return Client("").post("/identity/token", {"username": username, "password": PASSWORD})


def _query(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


def test_p4_starts_that_lead_nowhere_are_counted(there: Hostile) -> None:
    make_provider(there.issuer)
    _, came = sign_in(there)
    assert came.status_code == 200
    digest = hashlib.sha256(b"away\0network\x00127.0.0.0/24").digest()
    # Who came back used up nothing.
    assert list(Throttle.objects.filter(digest=digest).values_list("tries", flat=True)) == [0]
    Throttle.objects.filter(digest=digest).update(tries=STARTS - 1)
    attempts = SignInAttempt.objects.count()

    answers = [Browser().start() for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 429]
    assert int(answers[1]["Retry-After"]) > 0
    assert SignInAttempt.objects.count() == attempts + 1


def test_s2_names_that_look_alike_are_one_name(there: Hostile, world: World) -> None:
    make_provider(there.issuer)

    sign_in(there, preferred_username="\uff41\uff44\uff41")  # ada, in full width

    assert User.objects.get(identities__isnull=False).username.startswith("ada-")
