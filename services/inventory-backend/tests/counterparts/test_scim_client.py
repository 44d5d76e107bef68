"""The compliance check of scim2-cli, over HTTP, against the service as it is shipped."""

import shlex
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tests.server import Server
from tests.world import PASSWORD, World

_LAST_CALL = 180


@pytest.fixture
def service(committed_db: str, world: World, tmp_path: Path) -> Iterator[Server]:
    running = Server(committed_db, sso_secrets_dir=tmp_path)
    try:
        running.start()
        yield running
    finally:
        running.kill()


def test_x2_scim2_test_finds_no_error(service: Server, request: pytest.FixtureRequest, world: World) -> None:
    command = request.config.getoption("--scim")
    assert command, "Run: nox -s sso"
    token, base = service.token("ada", PASSWORD), "/api/v1/identity/providers"
    body = {"code": "acme", "name": "Acme", "issuer": "https://login.example.com", "client_id": "inventory"}
    status, made = service.request("POST", base, body | {"client_authentication": "none"}, token=token)
    assert status == 201, made
    status = service.patch(f"{base}/acme", {"scim_client": str(world.users["ada"])}, token=token, match='"v1"')
    assert status == 200
    expires_at = (timezone.now() + timedelta(days=1)).isoformat()
    wanted = {"name": "Acme", "permissions": ["identity.scim"], "expires_at": expires_at}
    status, key = service.request("POST", "/api/v1/identity/keys", wanted, token=token)
    assert status == 201, key

    done = subprocess.run(
        [
            *shlex.split(command),
            "--url",
            f"{service.url}/scim/v2",
            "--header",
            f"Authorization: Bearer {key['key']}",
            "test",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=_LAST_CALL,
    )

    print(done.stdout)  # noqa: T201  (the answer, where it is not right)
    assert "SUCCESS" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith(("ERROR", "CRITICAL"))] == []
    assert done.returncode == 0, done.stderr
