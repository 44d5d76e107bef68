"""The writing operations of identity, to the test that counts their events."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.http import HttpResponse
from django.utils import timezone

from apps.identity.models import Passkey, Provider, Totp, User
from apps.identity.tests.authenticator import Authenticator
from apps.identity.tests.sso import make_provider
from apps.identity.tests.test_browser import OWN, Browser
from apps.identity.tests.test_passwords import link
from apps.identity.tests.test_second_factors import answered, challenge_in, code_now, sign_in, with_app, with_passkey
from tests.answers import json_of
from tests.client import Client
from tests.world import PASSWORD
from tests.writes import Write, address, crud, made_at

ANYBODY = Client("")
ROLE = {"code": "new", "name": "New", "permissions": ["ledger.view"]}
GROUP = {"code": "new", "name": "New"}
BEA = {"username": "bea", "name": "Bea", "email": "bea@example.com"}
ERP = {"username": "erp", "name": "ERP"}
PROVIDER = {
    "code": "acme",
    "name": "Acme",
    "issuer": "https://login.example.com",
    "client_id": "inventory",
    "client_secret_ref": "env:SSO_SECRET_TEST",
}
BINDING = {"user": "user:vera", "role": "role:picker", "location": "loc:A"}
NEW = "a new one, long enough"
WRONG = "000000"


def _key() -> dict[str, Any]:
    expires_at = (timezone.now() + timedelta(days=1)).isoformat()
    return {"name": "ERP", "permissions": ["ledger.view"], "expires_at": expires_at}


def _member(api: Client) -> Any:
    group = json_of(api.post("/identity/groups", GROUP))
    api.post(f"/identity/groups/{group['id']}/members", {"user": "user:vera"})
    return group


def _accounts(noun: str, path: str, body: dict[str, Any]) -> dict[str, Write]:
    writes = crud("user", path, body, {"name": "Changed"})
    one, made = address(path), made_at(path, body)

    def disabled(api: Client) -> Any:
        row = made(api)
        api.post(one(row, "/disable"), None)
        return row

    def stale(verb: str) -> Any:
        return lambda api, row: api.post(one(row, verb), None, headers={"If-Match": '"v99"'})

    return {
        f"create_{noun}": writes["create_user"],
        f"change_{noun}": writes["change_user"],
        f"disable_{noun}": Write(
            action="user.disabled",
            prepare=made,
            act=lambda api, row: api.post(one(row, "/disable"), None),
            refuse=stale("/disable"),
        ),
        f"enable_{noun}": Write(
            action="user.enabled",
            prepare=disabled,
            act=lambda api, row: api.post(one(row, "/enable"), None),
            refuse=stale("/enable"),
        ),
    }


def _invited(api: Client) -> str:
    user = json_of(api.post("/identity/users", BEA))
    api.post("/identity/invitations", {"user": user["id"]})
    return link()


def _forgetful(api: Client) -> None:
    api.post("/identity/users", BEA | {"password": PASSWORD})


def _forgotten(api: Client) -> str:
    _forgetful(api)
    User.objects.filter(username="bea").update(is_active=True)
    ANYBODY.post("/identity/password/reset", {"username": "bea"})
    return link()


def _by_link(path: str) -> dict[str, Any]:
    return {
        "act": lambda _, token: ANYBODY.post(path, {"token": token, "password": NEW}),
        "refuse": lambda _, token: ANYBODY.post(path, {"token": f"{token}x", "password": NEW}),
    }


def _sessions_of_vera(api: Client) -> Any:
    Client.signed_in("vera", PASSWORD)
    vera = json_of(api.get("/identity/users/user:vera"))["id"]
    return json_of(api.get("/identity/sessions", user=vera))["results"][0]


def _vera_with_an_app(api: Client) -> str:
    with_app(Client.signed_in("vera", PASSWORD))
    return str(json_of(api.get("/identity/users/user:vera"))["id"])


def _begun(api: Client) -> str:
    secret = json_of(api.post("/identity/factors/totp", {}))["secret"]
    return str(secret)


def _app_code(secret: str) -> str:
    import base64  # noqa: PLC0415

    return code_now(base64.b32decode(secret))


def _with_app(api: Client) -> tuple[Client, bytes]:
    secret, _ = with_app(api)
    answer = answered(challenge_in(sign_in()), method="otp", code=code_now(secret))
    Totp.objects.update(last_step=0)
    return Client(json_of(answer)["access"]), secret


def _with_key(api: Client) -> Client:
    authenticator = Authenticator()
    with_passkey(api, authenticator)
    challenge = challenge_in(sign_in())
    options = json_of(ANYBODY.post("/identity/second-factor/passkey", {"challenge": challenge}))["options"]
    answer = answered(challenge, method="hwk", credential=authenticator.get(options))
    return Client(json_of(answer)["access"])


def _new_passkey(api: Client) -> dict[str, Any]:
    begun = json_of(api.post("/identity/factors/passkeys/options", {}))
    made = Authenticator().create(begun["options"])
    return {"name": "Key", "challenge": begun["challenge"], "credential": made}


def _second(path: str, begin: str) -> Write:
    def prepare(api: Client) -> dict[str, Any]:
        secret, _ = with_app(api)
        return {"challenge": challenge_in(sign_in(begin)), "method": "otp", "code": code_now(secret)}

    return Write(
        action="user.signed_in",
        prepare=prepare,
        act=lambda _, body: ANYBODY.post(path, body, headers={"Origin": OWN}),
        refuse=lambda _, body: ANYBODY.post(path, {**body, "code": WRONG}, headers={"Origin": OWN}),
    )


def _asked_again(api: Client) -> tuple[Client, dict[str, Any]]:
    client, secret = _with_app(api)
    challenge = challenge_in(client.post("/identity/proof", {"password": PASSWORD}))
    return client, {"challenge": challenge, "method": "otp", "code": code_now(secret)}


def _browser(_: Client) -> tuple[Browser, str]:
    browser = Browser()
    return browser, str(json_of(browser.sign_in())["csrf_token"])


def _signed_out(given: tuple[Browser, str], token: str | None = None) -> HttpResponse:
    browser, csrf = given
    return browser.send(
        "DELETE", "/identity/session/current", Origin=OWN, X_CSRF_Token=csrf if token is None else token
    )


def _switched(verb: str, *, is_enabled: bool) -> Write:
    def prepare(_: Client) -> str:
        provider = make_provider("https://login.example.com") if not is_enabled else Provider.objects.get(kind="local")
        return f"/identity/providers/{provider.pk}/{verb}"

    return Write(
        action="provider.changed",
        prepare=prepare,
        act=lambda api, path: api.post(path, None),
        refuse=lambda api, path: api.post(path, None, headers={"If-Match": '"v99"'}),
    )


IDENTITY: dict[str, Write] = {
    **crud("role", "/identity/roles", ROLE, {"name": "Changed"}),
    **crud("group", "/identity/groups", GROUP, {"name": "Changed"}),
    **crud("provider", "/identity/providers", PROVIDER, {"name": "Changed"}),
    **_accounts("user", "/identity/users", BEA),
    **_accounts("service_account", "/identity/service-accounts", ERP),
    "add_member": Write(
        action="group.member_added",
        prepare=made_at("/identity/groups", GROUP),
        act=lambda api, row: api.post(f"/identity/groups/{row['id']}/members", {"user": "user:vera"}),
        refuse=lambda api, row: api.post(f"/identity/groups/{row['id']}/members", {"user": "user:nobody"}),
    ),
    "remove_member": Write(
        action="group.member_removed",
        prepare=_member,
        act=lambda api, row: api.delete(f"/identity/groups/{row['id']}/members/user:vera"),
        refuse=lambda api, row: api.delete(f"/identity/groups/{row['id']}/members/user:alan"),
    ),
    "bind_role": Write(
        action="role.granted",
        act=lambda api, _: api.post("/identity/bindings", BINDING),
        refuse=lambda api, _: api.post("/identity/bindings", {**BINDING, "role": "role:nothing"}),
    ),
    "unbind_role": Write(
        action="role.revoked",
        prepare=made_at("/identity/bindings", BINDING),
        act=lambda api, row: api.delete(f"/identity/bindings/{row['id']}"),
        refuse=lambda api, _: api.delete(f"/identity/bindings/{uuid4()}"),
    ),
    "create_api_key": Write(
        action="api_key.created",
        act=lambda api, _: api.post("/identity/keys", _key()),
        refuse=lambda api, _: api.post("/identity/keys", {**_key(), "permissions": ["ledger.pots"]}),
    ),
    "revoke_api_key": Write(
        action="api_key.revoked",
        prepare=lambda api: json_of(api.post("/identity/keys", _key())),
        act=lambda api, row: api.post(f"/identity/keys/{row['id']}/revoke", None),
        refuse=lambda api, _: api.post(f"/identity/keys/{uuid4()}/revoke", None),
    ),
    "change_me": Write(
        action="user.changed",
        act=lambda api, _: api.patch("/me", {"name": "Changed"}, version=1),
        refuse=lambda api, _: api.patch("/me", {"name": "Changed"}, version=99),
    ),
    "invite_user": Write(
        action="user.invited",
        prepare=made_at("/identity/users", BEA),
        act=lambda api, row: api.post("/identity/invitations", {"user": row["id"]}),
        refuse=lambda api, _: api.post("/identity/invitations", {"user": "user:vera"}),
    ),
    "accept_invitation": Write(
        action="user.invitation_accepted", prepare=_invited, **_by_link("/identity/invitations/accept")
    ),
    "reset_password": Write(
        action="user.password_reset", prepare=_forgotten, **_by_link("/identity/password/reset/confirm")
    ),
    "request_password_reset": Write(
        action="user.reset_requested",
        prepare=_forgetful,
        act=lambda _, __: ANYBODY.post("/identity/password/reset", {"username": "bea"}),
        refuse=lambda _, __: ANYBODY.post("/identity/password/reset", {"user": "bea"}),
    ),
    "change_password": Write(
        action="user.password_changed",
        act=lambda api, _: api.post("/identity/password", {"current_password": PASSWORD, "new_password": NEW}),
        refuse=lambda api, _: api.post("/identity/password", {"current_password": PASSWORD, "new_password": "short"}),
    ),
    "revoke_session": Write(
        action="session.ended",
        prepare=_sessions_of_vera,
        act=lambda api, row: api.delete(f"/identity/sessions/{row['id']}"),
        refuse=lambda api, _: api.delete(f"/identity/sessions/{uuid4()}"),
    ),
    "prove_again": Write(
        action="session.proof_renewed",
        act=lambda api, _: api.post("/identity/proof", {"password": PASSWORD}),
        refuse=lambda api, _: api.post("/identity/proof", {"password": "wrong"}),
    ),
    "finish_proving_again": Write(
        action="session.proof_renewed",
        prepare=_asked_again,
        act=lambda _, given: given[0].post("/identity/proof/second-factor", given[1]),
        refuse=lambda _, given: given[0].post("/identity/proof/second-factor", {**given[1], "code": WRONG}),
    ),
    "finish_sign_in": _second("/identity/token/second-factor", "/identity/token"),
    "finish_sign_in_browser": _second("/identity/session/second-factor", "/identity/session"),
    "sign_in_browser": Write(
        action="user.signed_in",
        act=lambda _, __: Browser().sign_in(),
        refuse=lambda _, __: Browser().sign_in(Origin="https://elsewhere.example"),
    ),
    "end_browser_session": Write(
        action="session.ended",
        prepare=_browser,
        act=lambda _, given: _signed_out(given),
        refuse=lambda _, given: _signed_out(given, token="wrong"),
    ),
    "begin_totp": Write(
        action="factor.totp_begun",
        act=lambda api, _: api.post("/identity/factors/totp", {}),
        refuse=lambda _, __: ANYBODY.post("/identity/factors/totp", {}),
    ),
    "confirm_totp": Write(
        action="factor.totp_added",
        prepare=_begun,
        act=lambda api, secret: api.post("/identity/factors/totp/confirm", {"code": _app_code(secret)}),
        refuse=lambda api, _: api.post("/identity/factors/totp/confirm", {"code": WRONG}),
    ),
    "remove_totp": Write(
        action="factor.totp_removed",
        prepare=_with_app,
        act=lambda _, given: given[0].delete("/identity/factors/totp"),
        refuse=lambda _, __: ANYBODY.delete("/identity/factors/totp"),
    ),
    "replace_recovery_codes": Write(
        action="factor.recovery_codes_replaced",
        prepare=_with_app,
        act=lambda _, given: given[0].post("/identity/factors/recovery-codes", {}),
        refuse=lambda _, __: ANYBODY.post("/identity/factors/recovery-codes", {}),
    ),
    "add_passkey": Write(
        action="factor.passkey_added",
        prepare=_new_passkey,
        act=lambda api, body: api.post("/identity/factors/passkeys", body),
        refuse=lambda api, body: api.post("/identity/factors/passkeys", {**body, "challenge": "x"}),
    ),
    "remove_passkey": Write(
        action="factor.passkey_removed",
        prepare=_with_key,
        act=lambda _, client: client.delete(f"/identity/factors/passkeys/{Passkey.objects.get().pk}"),
        refuse=lambda _, client: client.delete(f"/identity/factors/passkeys/{uuid4()}"),
    ),
    "remove_factors": Write(
        action="factors.removed",
        prepare=_vera_with_an_app,
        act=lambda api, user: api.delete(f"/identity/users/{user}/factors"),
        refuse=lambda api, _: api.delete(f"/identity/users/{uuid4()}/factors"),
    ),
    "test_provider": Write(
        action="provider.tested",
        prepare=lambda _: str(Provider.objects.get(kind="local").pk),
        act=lambda api, pk: api.post(f"/identity/providers/{pk}/test", None),
        refuse=lambda api, _: api.post(f"/identity/providers/{uuid4()}/test", None),
    ),
    "enable_provider": _switched("enable", is_enabled=True),
    "disable_provider": _switched("disable", is_enabled=False),
}
