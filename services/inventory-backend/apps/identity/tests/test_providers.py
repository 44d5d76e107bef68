"""Where people may sign in: who decides, and what must be true before it is so."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.identity.models import ExternalIdentity, Provider, ScimUser, User
from apps.identity.tests.hostile import SECRET, Hostile
from apps.identity.tests.sso import make_provider, sign_in
from audit.django.models import AuditEvent
from rbac.django.actions import bind
from rbac.django.models import Role
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import PASSWORD, World

PATH = "/identity/providers"


@pytest.fixture
def there(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    monkeypatch.setenv("SSO_SECRET_TEST", SECRET)
    with Hostile() as provider:
        yield provider


def body(issuer: str = "https://login.example.com", **more: Any) -> dict[str, Any]:
    return {
        "code": "acme",
        "name": "Acme",
        "issuer": issuer,
        "client_id": "inventory",
        "client_secret_ref": "env:SSO_SECRET_TEST",
        **more,
    }


def trail() -> list[str]:
    return list(AuditEvent.objects.filter(object_type="provider").order_by("seq").values_list("action", flat=True))


def test_a_provider_is_made_off_tested_and_switched_on(there: Hostile, api: Client) -> None:
    made = api.post(PATH, body(there.issuer))
    early = api.post(f"{PATH}/acme/enable", {})
    tested = api.post(f"{PATH}/acme/test", {})
    on = api.post(f"{PATH}/acme/enable", {})

    assert (made.status_code, json_of(made)["is_enabled"], made["ETag"]) == (201, False, '"v1"')
    assert refusal(early)[:2] == (409, "not_tested")
    assert (tested.status_code, json_of(tested)["ok"]) == (200, True)
    assert [check["name"] for check in json_of(tested)["checks"]] == [
        "discovery",
        "response_types_supported",
        "code_challenge_methods_supported",
        "token_endpoint_auth_methods_supported",
        "keys",
        "client secret",
    ]
    assert (on.status_code, json_of(on)["is_enabled"]) == (200, True)
    assert trail() == ["provider.created", "provider.tested", "provider.changed"]
    assert sign_in(there)[1].status_code == 401  # it makes no accounts, but it speaks
    ways = json_of(Client("").get(f"{PATH}/enabled"))["results"]
    assert ways == [
        {"code": "acme", "name": "Acme", "kind": "oidc", "start": "/api/v1/identity/providers/acme/start"},
        {"code": "local", "name": "Password", "kind": "local", "start": "/api/v1/identity/token"},
    ]


def test_new_settings_switch_it_off_until_they_are_tested(there: Hostile, api: Client) -> None:
    api.post(PATH, body(there.issuer))
    api.post(f"{PATH}/acme/test", {})
    api.post(f"{PATH}/acme/enable", {})

    renamed = api.patch(f"{PATH}/acme", {"name": "Acme Inc."}, version=2)
    changed = api.patch(f"{PATH}/acme", {"client_id": "other"}, version=3)

    assert [json_of(answer)["is_enabled"] for answer in (renamed, changed)] == [True, False]
    assert json_of(changed)["settings"]["issuer"] == there.issuer
    assert refusal(api.post(f"{PATH}/acme/enable", {}))[:2] == (409, "not_tested")


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({"issuer": "https://elsewhere.example.com"}, ["discovery"]),
        ({"code_challenge_methods_supported": ["plain"]}, ["code_challenge_methods_supported"]),
        ({"response_types_supported": ["token"]}, ["response_types_supported"]),
        ({"token_endpoint_auth_methods_supported": ["none"]}, ["token_endpoint_auth_methods_supported"]),
        ({"jwks_uri": "http://127.0.0.1:9/keys"}, ["keys"]),
    ],
)
def test_a_test_that_fails_says_what_and_keeps_it_off(
    there: Hostile, api: Client, change: dict[str, Any], failed: list[str]
) -> None:
    api.post(PATH, body(there.issuer))
    there.metadata = change

    tested = json_of(api.post(f"{PATH}/acme/test", {}))

    assert (tested["ok"], [each["name"] for each in tested["checks"] if not each["ok"]]) == (False, failed)
    assert refusal(api.post(f"{PATH}/acme/enable", {}))[:2] == (409, "not_tested")


def test_a_secret_that_is_not_there_fails_the_test(
    there: Hostile, api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSO_SECRET_TEST")
    api.post(PATH, body(there.issuer))

    checks = json_of(api.post(f"{PATH}/acme/test", {}))["checks"]

    assert [each["name"] for each in checks if not each["ok"]] == ["client secret"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"issuer": "http://login.example.com"}, "#/issuer"),
        ({"issuer": "https://user@login.example.com"}, "#/issuer"),
        ({"issuer": "https://login.example.com?a=b"}, "#/issuer"),
        ({"issuer": "ftp://x"}, "#/issuer"),
        ({"client_secret_ref": "the secret itself"}, "#/client_secret_ref"),
        ({"client_secret_ref": "env:INVENTORY_SECRET_KEY"}, "#/client_secret_ref"),
        ({"client_secret_ref": "file:../../etc/passwd"}, "#/client_secret_ref"),
        ({"client_secret_ref": None}, "#/client_secret_ref"),
        ({"client_authentication": "none"}, "#/client_secret_ref"),
        ({"client_secret": "x"}, "#/client_secret"),
        ({"algorithms": ["HS256"]}, "#/algorithms/0"),
        ({"algorithms": ["none"]}, "#/algorithms/0"),
        ({"algorithms": []}, "#/algorithms"),
        ({"scopes": ["profile"]}, "#/scopes"),
        ({"code": "a/b"}, "#/code"),
        ({"kind": "local"}, "#/kind"),
        ({"group_roles": [{"group": "g", "role": "no-such"}]}, "#/group_roles/0/role"),
        (
            {"group_roles": [{"group": "g", "role": "viewer", "location": "01a20248-0000-7000-8000-000000000000"}]},
            "#/group_roles/0/location",
        ),
    ],
)
def test_a_wrong_provider_names_the_field_and_is_not_stored(api: Client, change: dict[str, Any], pointer: str) -> None:
    answer = api.post(PATH, body(**change))

    assert (answer.status_code, [each["pointer"] for each in json_of(answer)["errors"]]) == (400, [pointer])
    assert Provider.objects.exclude(code="local").count() == 0
    assert trail() == []


@pytest.mark.parametrize("username", ["vera", "alan"])
def test_a1_providers_are_for_who_may_manage_them(as_user: Callable[[str], Client], username: str) -> None:
    provider = make_provider("https://login.example.com")
    client = as_user(username)

    answers = [client.get(PATH), client.get(f"{PATH}/acme"), client.post(PATH, body(code="other"))]
    answers += [client.patch(f"{PATH}/acme", {"name": "x"}, version=1), client.delete(f"{PATH}/acme", version=1)]
    answers += [client.post(f"{PATH}/acme/{verb}", {}) for verb in ("test", "enable", "disable")]

    assert [answer.status_code for answer in answers] == [403] * len(answers)
    provider.refresh_from_db()
    assert (provider.name, provider.is_enabled, trail()) == ("Acme", True, [])


def test_a6_who_manages_providers_somewhere_manages_none(world: World, as_user: Callable[[str], Client]) -> None:
    _make_role("somewhere", ["identity.manage_providers"])
    bind(user_id=world.users["vera"], role_code="somewhere", location_id=world.locations["A"])

    client = as_user("vera")

    assert [client.get(PATH).status_code, client.post(PATH, body()).status_code] == [403, 403]
    assert Provider.objects.count() == 1


def test_a6_nobody_maps_a_group_to_more_than_they_hold(world: World, as_user: Callable[[str], Client]) -> None:
    _make_role("federator", ["identity.manage_providers"])
    bind(user_id=world.users["alan"], role_code="federator", location_id=None)
    client = as_user("alan")
    here, there = (str(world.locations[code]) for code in ("A1", "B"))

    def made(code: str, role: str, location: str | None) -> Any:
        group_roles = [{"group": "g", "role": role, "location": location}]
        return client.post(PATH, body(code=code, group_roles=group_roles))

    for role, location in (("administrator", None), ("viewer", None), ("picker", there), ("administrator", here)):
        answer = made("wide", role, location)
        assert refusal(answer) == (403, "permission_denied", [("#/group_roles/0/role", "wider_than_own")])
    assert made("narrow", "picker", here).status_code == 201
    answer = client.patch(
        f"{PATH}/narrow", {"group_roles": [{"group": "g", "role": "administrator", "location": None}]}, version=1
    )
    assert answer.status_code == 403
    assert list(Provider.objects.exclude(code="local").values_list("code", "version")) == [("narrow", 1)]


def test_passwords_can_be_switched_off_but_not_as_the_last_way_in(api: Client, world: World) -> None:
    assert refusal(api.post(f"{PATH}/local/disable", {}))[:2] == (409, "last_way_in")
    make_provider("https://login.example.com")

    assert api.post(f"{PATH}/local/disable", {}).status_code == 200

    refused = Client("").post("/identity/token", {"username": "ada", "password": PASSWORD})
    assert refusal(refused)[:2] == (401, "sign_in_refused")
    assert refusal(api.delete(f"{PATH}/local", version=2))[:2] == (409, "in_use")
    assert refusal(api.patch(f"{PATH}/local", {"issuer": "https://x.example"}, version=2))[0] == 400


def test_a_provider_is_deleted_only_while_nobody_came_from_it(there: Hostile, api: Client) -> None:
    make_provider(there.issuer)
    assert refusal(api.delete(f"{PATH}/acme", version=1))[:2] == (409, "in_use")
    sign_in(there)
    api.post(f"{PATH}/acme/disable", {})
    assert refusal(api.delete(f"{PATH}/acme", version=2))[:2] == (409, "in_use")
    api.post(PATH, body(code="spare"))

    assert api.delete(f"{PATH}/spare", version=1).status_code == 204
    assert sorted(Provider.objects.values_list("code", flat=True)) == ["acme", "local"]


def test_the_command_adds_tests_and_switches_on(there: Hostile) -> None:
    def run(*arguments: str) -> Any:
        out = io.StringIO()
        call_command("provider", *arguments, "--json", stdout=out, stderr=io.StringIO())
        return json.loads(out.getvalue())

    added = run(
        *("add", "acme", "--name", "Acme", "--issuer", there.issuer, "--client-id", "inventory"),
        *("--secret", "env:SSO_SECRET_TEST", "--provision"),
    )
    with pytest.raises(CommandError, match="Test this provider first"):
        run("enable", "acme")
    assert run("test", "acme")["ok"] is True
    assert run("enable", "acme")["is_enabled"] is True
    assert (added["is_enabled"], added["issuer"]) == (False, there.issuer)
    assert [each["code"] for each in run("list")["providers"]] == ["acme", "local"]
    assert sign_in(there)[1].status_code == 200
    assert run("disable", "acme")["is_enabled"] is False
    there.metadata = {"issuer": "x"}
    with pytest.raises(CommandError, match="1 of 1 checks failed"):
        run("test", "acme")
    with pytest.raises(CommandError, match="There is no provider 'nobody'"):
        run("test", "nobody")


def test_l4_a_secret_is_never_shown(there: Hostile, api: Client) -> None:
    api.post(PATH, body(there.issuer))
    shown = [api.get(PATH), api.get(f"{PATH}/acme"), api.post(f"{PATH}/acme/test", {})]

    assert all(SECRET not in answer.content.decode() for answer in shown)
    assert SECRET not in str(list(AuditEvent.objects.values()))


def _make_role(code: str, permissions: list[str]) -> None:
    Role.objects.create(code=code, name=code, permissions=permissions)


@pytest.mark.parametrize("who", ["identity", "provisioned"])
def test_s1_an_issuer_whose_people_are_here_stays(api: Client, there: Hostile, who: str) -> None:
    """Another one could say that somebody of its own is anybody whom this one made."""
    made = json_of(api.post(PATH, body(there.issuer)))
    user = User.objects.get(username="vera")
    if who == "identity":
        ExternalIdentity.objects.create(provider_id=made["id"], issuer=there.issuer, subject="v", user=user)
    else:
        ScimUser.objects.create(provider_id=made["id"], user=user)

    answer = api.patch(f"{PATH}/acme", {"issuer": "https://elsewhere.example.com"}, version=1)

    assert refusal(answer) == (409, "in_use", [("#/issuer", "in_use")])
    assert Provider.objects.get(code="acme").settings["issuer"] == there.issuer
    assert api.patch(f"{PATH}/acme", {"name": "Acme Inc."}, version=1).status_code == 200
