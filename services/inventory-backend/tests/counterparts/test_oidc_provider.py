"""Signing in at npm's oidc-provider, over HTTP, with the service as it is shipped."""

import html
import re
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import msgspec
import pytest

from tests.counterparts.browser import Browser, challenged
from tests.server import Server
from tests.world import PASSWORD, World

SECRET = "of this run"
ROOT = "/api/v1/identity"
_LAST_CALL = 30


@pytest.fixture
def service(committed_db: str, world: World, tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "acme").write_text(f"{SECRET}\n")
    running = Server(committed_db, sso_secrets_dir=tmp_path)
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture
def issuer(request: pytest.FixtureRequest, service: Server) -> Iterator[str]:
    node, folder = request.config.getoption("--node"), request.config.getoption("--oidc")
    assert node, "Run: nox -s sso"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        *shlex.split(node),
        "provider.mjs",
        str(port),
        "inventory",
        SECRET,
        f"{service.url}{ROOT}/providers/acme",
    ]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=_LAST_CALL)


@pytest.fixture
def ready(service: Server, issuer: str) -> str:
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
            "issuer": issuer,
            "client_id": "inventory",
            "client_secret_ref": "file:acme",
            "groups_claim": "groups",
            "provisions_users": True,
            "group_roles": [{"group": "pickers", "role": "picker"}],
        },
    )
    tested = post("/acme/test")
    assert tested["ok"], tested
    post("/acme/enable")
    return token


def _signed_in(service: Server, browser: Browser, login: str) -> Any:
    """Go there and back with a browser, and return the tokens."""
    verifier, challenge = challenged()
    start = f"{service.url}{ROOT}/providers/acme/start?challenge={challenge}"
    back = browser.sign_in(start, login, until=f"{service.url}{ROOT}/providers/acme/callback")
    assert sorted(parse_qs(urlsplit(back).query)) == ["code", "iss", "state"]
    status, body, _ = browser.open(back)
    assert status == 200, body
    code = msgspec.json.decode(body)["code"]
    status, pair = service.request("POST", f"{ROOT}/token/hand-over", {"code": code, "verifier": verifier})
    assert status == 200, pair
    assert browser.open(back)[0] == 401  # once
    return pair


@pytest.mark.usefixtures("ready")
def test_s1_somebody_signs_in_with_a_role_by_group(service: Server) -> None:
    pair = _signed_in(service, Browser(), "ada")

    status, me = service.request("GET", "/api/v1/me", token=pair["access"])
    assert (status, me["username"], me["roles"]) == (200, "ada.elsewhere", ["picker"])
    _, other = service.request("GET", "/api/v1/me", token=_signed_in(service, Browser(), "bob")["access"])
    assert (other["username"], other["roles"]) == ("bob.elsewhere", [])
    _, again = service.request("GET", "/api/v1/me", token=_signed_in(service, Browser(), "ada")["access"])
    assert again["id"] == me["id"] != other["id"]


@pytest.mark.usefixtures("ready")
def test_s3_signing_out_there_ends_the_session_here(service: Server, issuer: str) -> None:
    here, elsewhere = Browser(), Browser()
    ended, other = (_signed_in(service, browser, "ada") for browser in (here, elsewhere))

    here.sign_out(issuer)

    deadline = time.monotonic() + _LAST_CALL
    while service.request("GET", "/api/v1/me", token=ended["access"])[0] == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert service.request("GET", "/api/v1/me", token=ended["access"])[0] == 401
    assert service.request("POST", f"{ROOT}/token/refresh", {"refresh": ended["refresh"]})[0] == 401
    assert service.request("GET", "/api/v1/me", token=other["access"])[0] == 200


@pytest.mark.usefixtures("ready")
def test_s1_who_declines_there_is_not_signed_in_here(service: Server) -> None:
    browser = Browser()
    _, challenge = challenged()
    start = f"{service.url}{ROOT}/providers/acme/start?challenge={challenge}"
    address, _, page = browser.follow(start)
    abort = re.search(r'href="([^"]+/abort)"', page)
    assert abort is not None, page
    back, _, _ = browser.follow(
        urljoin(address, html.unescape(abort[1])), until=f"{service.url}{ROOT}/providers/acme/callback"
    )

    status, body, _ = browser.open(back)

    assert (status, msgspec.json.decode(body)["detail"]) == (401, "The identity provider answered: access_denied.")


@pytest.mark.usefixtures("ready")
def test_s1_a_secret_that_is_wrong_signs_nobody_in(service: Server, tmp_path: Path) -> None:
    (tmp_path / "acme").write_text("another secret")
    browser = Browser()
    _, challenge = challenged()
    start = f"{service.url}{ROOT}/providers/acme/start?challenge={challenge}"
    back = browser.sign_in(start, "ada", until=f"{service.url}{ROOT}/providers/acme/callback")

    status, body, _ = browser.open(back)

    assert (status, msgspec.json.decode(body)["code"]) == (401, "assertion_refused")
