"""A SAML provider is described, tested and switched on; and whose signatures count is not changed over HTTP."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.identity.models import Provider
from apps.identity.tests.saml import ISSUER, SIGN_ON, make_saml, metadata, sign_in
from audit.django.models import AuditEvent
from tests.answers import json_of, refusal
from tests.client import Client

pytestmark = pytest.mark.usefixtures("world")
PATH = "/identity/providers"


def body(**more: Any) -> dict[str, Any]:
    return {"code": "acme", "name": "Acme", "kind": "saml", "issuer": ISSUER, "metadata": metadata(), **more}


def trail() -> list[str]:
    return list(AuditEvent.objects.filter(object_type="provider").order_by("seq").values_list("action", flat=True))


def test_x1_a_provider_is_made_off_tested_and_switched_on(api: Client) -> None:
    made = api.post(PATH, body(username_claim="uid", provisions_users=True))
    early = api.post(f"{PATH}/acme/enable", {})
    tested = json_of(api.post(f"{PATH}/acme/test", {}))
    on = api.post(f"{PATH}/acme/enable", {})

    assert (made.status_code, json_of(made)["kind"], json_of(made)["is_enabled"]) == (201, "saml", False)
    settings = json_of(made)["settings"]
    assert (settings["sign_on_url"], len(settings["certificates"]), "metadata" in settings) == (SIGN_ON, 1, False)
    assert refusal(early)[:2] == (409, "not_tested")
    assert [(each["name"], each["ok"]) for each in tested["checks"]] == [
        ("metadata", True),
        ("certificates", True),
        ("sign-on", True),
    ]
    assert (on.status_code, trail()) == (200, ["provider.created", "provider.tested", "provider.changed"])
    assert sign_in()[1].status_code == 200


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"metadata": None}, "#/metadata_url"),
        ({"metadata_url": "https://idp.example.com/metadata"}, "#/metadata"),
        ({"metadata": None, "metadata_url": "http://idp.example.com/metadata"}, "#/metadata_url"),
        ({"metadata": None, "metadata_url": "file:///etc/passwd"}, "#/metadata_url"),
        ({"metadata": "<a/>"}, "#/metadata"),
        ({"metadata": "no XML"}, "#/metadata"),
        ({"metadata": "<!DOCTYPE x>" + metadata().partition("?>")[2]}, "#/metadata"),
        ({"metadata": metadata(issuer="https://evil.example.com")}, "#/metadata"),
        ({"metadata": metadata("weak")}, "#/metadata"),
        ({"metadata": metadata("expired")}, "#/metadata"),
        ({"metadata": metadata(sign_on="http://idp.example.com/sso")}, "#/metadata"),
        ({"metadata": metadata(sign_on="")}, "#/metadata"),
        ({"metadata": metadata(root='validUntil="2020-01-01T00:00:00Z"')}, "#/metadata"),
        ({"metadata": metadata(role='validUntil="2020-01-01T00:00:00"')}, "#/metadata"),
        ({"client_id": "inventory"}, "#/client_id"),
        ({"client_secret_ref": "env:SSO_SECRET_TEST"}, "#/client_secret_ref"),
        ({"scopes": ["openid"]}, "#/scopes"),
        ({"kind": "oidc", "client_id": "inventory"}, "#/metadata"),
        ({"kind": "oidc", "metadata": None}, "#/client_id"),
    ],
)
def test_x1_a_wrong_provider_names_the_field_and_is_not_stored(
    api: Client, change: dict[str, Any], pointer: str
) -> None:
    answer = api.post(PATH, body(**change))

    assert (answer.status_code, [each["pointer"] for each in json_of(answer)["errors"]]) == (400, [pointer])
    assert Provider.objects.exclude(code="local").count() == 0
    assert trail() == []


def test_x1_who_wants_signed_requests_is_told_that_there_are_none(api: Client) -> None:
    facts = metadata(role='WantAuthnRequestsSigned="true"')
    assert api.post(PATH, body(metadata=facts)).status_code == 400
    assert Provider.objects.exclude(code="local").count() == 0


def test_a6_whose_signatures_count_is_fixed_once_somebody_came(api: Client) -> None:
    make_saml()
    wider = {"metadata": metadata("foreign")}
    assert api.patch(f"{PATH}/acme", wider, version=1).status_code == 200
    api.patch(f"{PATH}/acme", {"metadata": metadata()}, version=2)
    api.post(f"{PATH}/acme/test", {})
    api.post(f"{PATH}/acme/enable", {})
    assert sign_in()[1].status_code == 200
    version = Provider.objects.get(code="acme").version

    answers = [
        api.patch(f"{PATH}/acme", change, version=version)
        for change in (wider, {"metadata_url": "https://evil.example.com/metadata"})
    ]
    harmless = api.patch(f"{PATH}/acme", {"groups_claim": "groups"}, version=version)

    assert [refusal(answer)[:2] for answer in answers] == [(409, "trust_is_fixed")] * 2
    assert (harmless.status_code, json_of(harmless)["is_enabled"]) == (200, False)


def test_an_issuer_needs_its_own_metadata(api: Client) -> None:
    make_saml()

    answer = api.patch(f"{PATH}/acme", {"issuer": "https://another.example.com"}, version=1)

    assert refusal(answer) == (400, "required", [("#/metadata", "required")])


def test_the_command_adds_tests_and_replaces_metadata(tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        out = io.StringIO()
        call_command("provider", *arguments, "--json", stdout=out, stderr=io.StringIO())
        return json.loads(out.getvalue())

    first, second = tmp_path / "first.xml", tmp_path / "second.xml"
    first.write_text(metadata(), encoding="utf-8")
    second.write_text(metadata("next"), encoding="utf-8")

    added = run("add", "acme", "--name", "Acme", "--issuer", ISSUER, "--metadata", str(first), "--provision")
    assert (added["kind"], added["issuer"], added["is_enabled"]) == ("saml", ISSUER, False)
    assert run("test", "acme")["ok"] is True
    assert run("enable", "acme")["is_enabled"] is True
    assert sign_in()[1].status_code == 200
    replaced = run("metadata", "acme", str(second))
    assert replaced["is_enabled"] is False
    run("test", "acme")
    run("enable", "acme")
    assert sign_in()[1].status_code == 401
    assert sign_in(lambda forged: setattr(forged, "key", "next"))[1].status_code == 200
    with pytest.raises(CommandError, match="cannot be read"):
        run("metadata", "acme", str(tmp_path / "none.xml"))
    with pytest.raises(CommandError, match="has no metadata"):
        run("metadata", "local", str(second))
