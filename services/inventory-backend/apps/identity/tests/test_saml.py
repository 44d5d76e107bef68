"""Signing in at a SAML identity provider that is honest."""

import sys
from urllib.parse import parse_qsl, urlsplit

import pytest
from lxml import etree

from apps.identity.models import ExternalIdentity, HandOver, RefreshToken, SignInAttempt, User
from apps.identity.providers.saml.xml import md
from apps.identity.tests.saml import ACS, ISSUER, OWN, SIGN_ON, asked, bring, groups, honest, leave, make_saml, sign_in
from apps.identity.tests.sso import BASE, CHALLENGE, Browser
from audit.django.models import AuditEvent
from rbac.django.models import Binding
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import PASSWORD, World

pytestmark = pytest.mark.usefixtures("world")


def test_x1_who_proves_it_over_there_is_signed_in_here() -> None:
    make_saml()

    browser, came = sign_in()
    taken = browser.take(came)

    assert (came.status_code, sorted(json_of(came))) == (200, ["code", "expires_in"]), came.content
    me = json_of(Client(json_of(taken)["access"]).get("/me"))
    assert (me["username"], me["name"], me["roles"]) == ("ada.over.there", "Ada Elsewhere", [])
    identity = ExternalIdentity.objects.get()
    assert (identity.issuer, identity.subject) == (ISSUER, "ada-over-there")
    events = AuditEvent.objects.order_by("seq").values_list("action", "after")
    assert list(events) == [
        ("user.proven", {"provider": "acme", "how": "provisioned", "granted": [], "revoked": []}),
        ("user.signed_in", {"methods": ["fed"]}),
    ]


def test_x1_the_request_says_who_asks_and_what_for() -> None:
    make_saml()

    browser = Browser()
    answer = browser.http.get(f"{BASE}/providers/acme/start", {"challenge": CHALLENGE})
    request, again = asked(leave()), asked(leave())

    assert answer["Location"].startswith(f"{SIGN_ON}?SAMLRequest=")
    cookie = answer.cookies["__Host-sso"]
    assert (cookie["samesite"], cookie["secure"], cookie["httponly"], cookie["path"]) == ("None", True, True, "/")
    assert (request.get("AssertionConsumerServiceURL"), request.get("Destination")) == (ACS, SIGN_ON)
    assert request.findtext("{*}Issuer") == OWN
    assert len(request.get("ID", "")) == 44
    assert request.get("ID") != again.get("ID")


def test_x1_our_metadata_is_there_before_the_provider_is_switched_on() -> None:
    make_saml(is_enabled=False)

    answer = Client("").get("/identity/providers/acme/metadata")
    root = etree.fromstring(answer.content)

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/samlmetadata+xml")
    assert (root.get("entityID"), root[0].get("WantAssertionsSigned")) == (OWN, "true")
    assert [each.get("Location") for each in root.iter(md("AssertionConsumerService"))] == [ACS]
    for name in ("local", "nobody", "%00"):
        assert Client("").get(f"/identity/providers/{name}/metadata").status_code == 404


def test_x1_a_response_works_once() -> None:
    make_saml()
    browser = leave()
    response = honest(asked(browser).get("ID", "")).text()

    first, replay = bring(browser, response), bring(browser, response)
    other = leave()
    elsewhere, stolen = bring(other, response), bring(other, response, RelayState=browser.sent["RelayState"])

    assert [answer.status_code for answer in (first, replay, elsewhere, stolen)] == [200, 401, 401, 401]
    assert (HandOver.objects.count(), SignInAttempt.objects.count()) == (1, 0)


def test_x1_another_browser_cannot_bring_it() -> None:
    make_saml()
    victim, attacker = leave(), leave()
    response = honest(asked(attacker).get("ID", "")).text()

    answer = bring(victim, response, RelayState=attacker.sent["RelayState"])

    assert refusal(answer)[:2] == (401, "assertion_refused")
    assert (HandOver.objects.count(), SignInAttempt.objects.count()) == (0, 2)


def test_x1_groups_give_roles_and_take_them_away(world: World) -> None:
    place = str(world.locations["A"])
    make_saml(groups_claim="groups", group_roles=[{"group": "pickers", "role": "picker", "location": place}])

    roles = []
    for attributes in (groups("pickers", "others"), groups("others"), groups("pickers"), ""):
        _, came = sign_in(attributes=attributes)
        assert came.status_code == 200, came.content
        user = ExternalIdentity.objects.get().user
        roles.append(list(Binding.objects.filter(user_id=user.pk).values_list("role__code", "location_id")))

    picker = ("picker", world.locations["A"])
    assert roles == [[picker], [], [picker], []]


def test_s2_an_account_is_never_found_by_name_or_mail() -> None:
    User.objects.filter(username="vera").update(username="ada.over.there", email="ada@example.com")
    make_saml()

    browser, came = sign_in()
    me = json_of(Client(json_of(browser.take(came))["access"]).get("/me"))

    assert me["username"].startswith("ada.over.there-")


def test_x1_who_is_signed_in_here_links_it(world: World) -> None:
    make_saml(provisions_users=False)
    refused = sign_in()[1]
    token = json_of(Client("").post("/identity/token", {"username": "vera", "password": PASSWORD}))["access"]
    browser = Browser()
    browser.http.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    sent = browser.http.post(f"{BASE}/providers/acme/link", {"challenge": CHALLENGE}, format="json")
    browser.http.credentials()
    browser.sent = dict(parse_qsl(urlsplit(json_of(sent)["address"]).query))
    came = bring(browser, honest(asked(browser).get("ID", "")).text())

    assert refusal(refused)[:2] == (401, "sign_in_refused")
    assert came.status_code == 200, came.content
    assert ExternalIdentity.objects.get().user_id == world.users["vera"]


MFA = "https://refeds.org/profile/mfa"
PASSWORD_CLASS = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


@pytest.mark.parametrize(
    ("trusts_amr", "context", "methods"),
    [
        (True, MFA, ["fed", "mfa"]),
        (True, PASSWORD_CLASS, ["fed", "pwd"]),
        (True, "urn:something:else", ["fed"]),
        (False, MFA, ["fed"]),
    ],
)
def test_p5_the_context_counts_as_a_second_factor_only_where_it_is_trusted(
    trusts_amr: object, context: str, methods: list[str]
) -> None:
    make_saml(trusts_amr=trusts_amr)

    browser, came = sign_in(lambda forged: setattr(forged, "xml", forged.xml.replace(PASSWORD_CLASS, context)))
    assert browser.take(came).status_code == 200

    assert AuditEvent.objects.get(action="user.signed_in").after == {"methods": methods}
    assert RefreshToken.objects.count() == 1


def test_x1_without_the_extra_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch, api: Client) -> None:
    make_saml()
    for name in [name for name in sys.modules if name.startswith("apps.identity.providers.saml.")]:
        monkeypatch.delitem(sys.modules, name)
        monkeypatch.delattr(name)
    monkeypatch.setitem(sys.modules, "signxml.algorithms", None)

    answers = [
        Browser().start(),
        api.post("/identity/providers/acme/test", {}),
    ]

    for answer in answers:
        assert (answer.status_code, json_of(answer)["code"]) == (503, "extra_not_installed")
        assert "inventory-backend[saml]" in json_of(answer)["detail"]
