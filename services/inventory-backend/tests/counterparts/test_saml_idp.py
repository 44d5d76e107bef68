"""Signing in at pysaml2's identity provider, over HTTP with form posts, with the service as it is shipped."""

import base64
import re
import shlex
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.counterparts.browser import Browser, challenged
from tests.server import Server
from tests.world import PASSWORD, World

ROOT = "/api/v1/identity"
_LAST_CALL = 300


@pytest.fixture
def service(committed_db: str, world: World, tmp_path: Path) -> Iterator[Server]:
    running = Server(committed_db, sso_secrets_dir=tmp_path)
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture
def idp(request: pytest.FixtureRequest, service: Server) -> Iterator[str]:
    python = request.config.getoption("--pysaml2")
    assert python, "Run: nox -s sso"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = Path(__file__).with_name("saml_idp.py")
    command = [*shlex.split(python), str(program), str(port), f"{service.url}{ROOT}/providers/acme"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=_LAST_CALL)


@pytest.fixture
def operator(service: Server, idp: str) -> str:
    """Add the provider, test it and switch it on, as its operator; return the operator's token."""
    token = service.token("ada", PASSWORD)

    def post(path: str, body: object = None) -> Any:
        status, answer = service.request("POST", f"{ROOT}/providers{path}", body, token=token)
        assert status in {200, 201}, answer
        return answer

    post(
        "",
        {
            "code": "acme",
            "name": "Acme",
            "kind": "saml",
            "issuer": f"{idp}/metadata",
            "metadata_url": f"{idp}/metadata",
            "username_claim": "urn:oid:0.9.2342.19200300.100.1.1",
            "name_claim": "urn:oid:2.16.840.1.113730.3.1.241",
            "groups_claim": "urn:oid:1.3.6.1.4.1.5923.1.5.1.1",
            "provisions_users": True,
            "group_roles": [{"group": "pickers", "role": "picker"}],
        },
    )
    tested = post("/acme/test")
    assert tested["ok"], tested
    post("/acme/enable")
    return token


def _posted(service: Server, browser: Browser, idp: str, login: str) -> tuple[dict[str, str], str]:
    """Go there, sign in, and return the form that comes back, and the verifier of the hand-over."""
    verifier, challenge = challenged()
    _, status, page = browser.follow(f"{service.url}{ROOT}/providers/acme/start?challenge={challenge}")
    assert status == 200, page
    _, page, _ = browser.open(f"{idp}/sso", {**browser.fields(page), "login": login})
    action = re.search(r'action="([^"]+)"', page)
    assert action is not None, page
    return browser.fields(page), verifier


def _brought(service: Server, browser: Browser, form: dict[str, str]) -> tuple[int, Any]:
    status, body, _ = browser.open(f"{service.url}{ROOT}/providers/acme/callback", form)
    return status, msgspec.json.decode(body)


def _me(service: Server, idp: str, login: str) -> Any:
    browser = Browser()
    form, verifier = _posted(service, browser, idp, login)
    status, came = _brought(service, browser, form)
    assert status == 200, came
    body = {"code": came["code"], "verifier": verifier}
    status, pair = service.request("POST", f"{ROOT}/token/hand-over", body)
    assert status == 200, pair
    assert _brought(service, browser, form)[0] == 401  # once
    return service.request("GET", "/api/v1/me", token=pair["access"])[1]


@pytest.mark.usefixtures("operator")
def test_x1_somebody_signs_in_with_a_role_by_group(service: Server, idp: str) -> None:
    me, other, again = (_me(service, idp, login) for login in ("ada", "bob", "ada"))

    assert (me["username"], me["name"], me["roles"]) == ("ada.elsewhere", "ada elsewhere", ["picker"])
    assert (other["username"], other["roles"]) == ("bob.elsewhere", [])
    assert again["id"] == me["id"] != other["id"]


@pytest.mark.parametrize(
    ("login", "why"),
    [
        ("unsigned", "it is not signed"),
        ("outside", "it is not signed"),
        ("sha1", "its signature is wrong"),
        ("destination", "it is for another destination"),
        ("request", "it answers another request"),
        ("transient", "its NameID is not persistent"),
    ],
)
def test_x1_a_bad_identity_provider_signs_nobody_in(
    service: Server, idp: str, operator: str, login: str, why: str
) -> None:
    browser, before = Browser(), _users(service, operator)
    form, _ = _posted(service, browser, idp, login)

    status, problem = _brought(service, browser, form)

    assert (status, problem["code"]) == (401, "assertion_refused")
    assert why in problem["detail"]
    assert _users(service, operator) == before


def _retold(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def retell(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new)

    return retell


TAMPERED: dict[str, Callable[[bytes], bytes]] = {
    "another person": _retold(b"ada.elsewhere", b"bob.elsewhere"),
    "a comment": _retold(b"ada.elsewhere", b"ada.else<!-- -->where"),
    "a later end": lambda content: re.sub(rb'NotOnOrAfter="20..', b'NotOnOrAfter="2999', content),
    "no signature": lambda content: re.sub(
        rb"<(ns\d:|ds:)?Signature .*?</(ns\d:|ds:)?Signature>", b"", content, flags=re.DOTALL
    ),
    "two assertions": lambda content: re.sub(
        rb"(<(?:ns\d:|saml:)?Assertion .*</(?:ns\d:|saml:)?Assertion>)", rb"\1\1", content, flags=re.DOTALL
    ),
    "a DTD": lambda content: content.replace(b"?>", b"?><!DOCTYPE x>", 1),
}


@pytest.mark.usefixtures("operator")
def test_x1_what_was_tampered_with_signs_nobody_in(service: Server, idp: str) -> None:
    answers = {}
    for name, tamper in TAMPERED.items():
        browser = Browser()
        form, _ = _posted(service, browser, idp, "ada")
        original = base64.b64decode(form["SAMLResponse"])
        changed = tamper(original)
        assert changed != original, name
        form["SAMLResponse"] = base64.b64encode(changed).decode()
        answers[name] = _brought(service, browser, form)[0]

    assert answers == dict.fromkeys(TAMPERED, 401)


def _users(service: Server, token: str) -> list[str]:
    status, page = service.request("GET", f"{ROOT}/users", token=token)
    assert status == 200, page
    return sorted(each["username"] for each in page["results"])
