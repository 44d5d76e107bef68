"""Production does not start on a bad environment, and takes up a changed secret without a restart."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config.settings import prod
from tests.security.shipped import SERVICE, command, serving


def _key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


KEY: Final = _key()
GOOD: Final = {
    "INVENTORY_STAGE": "prod",
    "INVENTORY_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-0123456789-ABCDEF",
    "INVENTORY_ALLOWED_HOSTS": "inventory.example.com",
    "INVENTORY_DATABASE_URL": "postgresql://app:hunter2@db.example.com/inventory?sslmode=verify-full",
    "INVENTORY_JWT_ISSUER": "https://inventory.example.com",
    "INVENTORY_JWT_PRIVATE_KEY": KEY,
    "INVENTORY_API_KEY_PEPPER": "zyxwvutsrqponmlkjihgfedcba-9876543210",
    "INVENTORY_AUDIT_KEY": _key(),
}
URL: Final = "postgresql://app:hunter2@db.example.com/inventory"
# What an operator could get wrong -> what is said of it. None takes the variable away.
BAD: Final[list[tuple[dict[str, str | None], str]]] = [
    ({"INVENTORY_SECRET_KEY": None}, "INVENTORY_SECRET_KEY: is not set"),
    ({"INVENTORY_SECRET_KEY": ""}, "INVENTORY_SECRET_KEY: is not set"),
    ({"INVENTORY_SECRET_KEY": "short"}, "INVENTORY_SECRET_KEY: is too short"),
    ({"INVENTORY_SECRET_KEY": "a" * 60}, "INVENTORY_SECRET_KEY: is too short"),
    (
        {"INVENTORY_SECRET_KEY": "insecure-and-known-to-everybody-only-for-development"},
        "INVENTORY_SECRET_KEY: is the public key of another stage",
    ),
    ({"INVENTORY_SECRET_KEY": "django-insecure-" + "0123456789" * 5}, "is the public key of another stage"),
    ({"INVENTORY_DEBUG": "true"}, "INVENTORY_DEBUG: is not a setting"),
    ({"INVENTORY_ALLOWED_HOSTS": None}, "INVENTORY_ALLOWED_HOSTS: is not set"),
    ({"INVENTORY_ALLOWED_HOSTS": "*"}, "INVENTORY_ALLOWED_HOSTS: holds a wildcard"),
    ({"INVENTORY_ALLOWED_HOSTS": "a.example.com,*.example.com"}, "INVENTORY_ALLOWED_HOSTS: holds a wildcard"),
    ({"INVENTORY_JWT_ISSUER": "http://inventory.example.com"}, "INVENTORY_JWT_ISSUER: is not https"),
    ({"INVENTORY_JWT_ISSUER": None}, "INVENTORY_JWT_ISSUER: is not set"),
    ({"INVENTORY_JWT_PRIVATE_KEY": None}, "INVENTORY_JWT_PRIVATE_KEY: is not set"),
    ({"INVENTORY_JWT_PRIVATE_KEY": "a secret"}, "INVENTORY_JWT_PRIVATE_KEY: is not an unencrypted private key"),
    ({"INVENTORY_API_KEY_PEPPER": None}, "INVENTORY_API_KEY_PEPPER: is not set"),
    ({"INVENTORY_API_KEY_PEPPER": "short"}, "INVENTORY_API_KEY_PEPPER: is too short"),
    ({"INVENTORY_API_KEY_PEPPER": "insecure-and-known-to-everybody-only-for-development"}, "is public knowledge"),
    (
        {"INVENTORY_API_KEY_PEPPER": "0123456789abcdefghijklmnopqrstuvwxyz-0123456789-ABCDEF"},
        "INVENTORY_API_KEY_PEPPER: is the secret key",
    ),
    ({"INVENTORY_AUDIT_KEY": None}, "INVENTORY_AUDIT_KEY: is not set"),
    ({"INVENTORY_AUDIT_KEY": "a secret"}, "INVENTORY_AUDIT_KEY: is not"),
    ({"INVENTORY_DATABASE_URL": None}, "INVENTORY_DATABASE_URL: is not set"),
    ({"INVENTORY_DATABASE_URL": "sqlite:///inventory.db"}, "is not the URL of a PostgreSQL database"),
    ({"INVENTORY_DATABASE_URL": URL}, "INVENTORY_DATABASE_URL: asks for no TLS"),
    ({"INVENTORY_DATABASE_URL": f"{URL}?sslmode=prefer"}, "INVENTORY_DATABASE_URL: asks for no TLS"),
    ({"INVENTORY_DATABASE_URL": f"{URL}?sslmode=require"}, "INVENTORY_DATABASE_URL: asks for no TLS"),
    ({"INVENTORY_DATABASE_URL": f"{URL}?host=/run/pg,db.example.com"}, "INVENTORY_DATABASE_URL: asks for no TLS"),
    ({"INVENTORY_STAGE": "production"}, "INVENTORY_STAGE"),
    ({"INVENTORY_STAGE": None, "DJANGO_SETTINGS_MODULE": "config.settings.prod", "INVENTORY_SECRET_KEY": "x"}, "short"),
]


def _check(changes: dict[str, str | None]) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return subprocess.run(
        command(variables, "serve", "--port", "1"),
        cwd=SERVICE,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(("changes", "said"), BAD, ids=map(str, range(len(BAD))))
def test_d3_production_does_not_start(changes: dict[str, str | None], said: str) -> None:
    done = _check(changes)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert [secret for secret in (KEY[40:80], "hunter2", GOOD["INVENTORY_SECRET_KEY"]) if secret in done.stderr] == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"INVENTORY_DATABASE_URL": URL, "INVENTORY_DATABASE_IS_LOCAL": "true"},
        {"INVENTORY_DATABASE_URL": "postgresql://app@/inventory?host=/run/postgresql"},
    ],
    ids=["tls", "told that it is local", "socket"],
)
def test_d3_production_starts_on_a_good_environment(changes: dict[str, str | None]) -> None:
    variables = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    done = subprocess.run(
        command(variables, "diffsettings"), cwd=SERVICE, capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "SECURE_SSL_REDIRECT = True" in done.stdout


def test_h5_debug_is_impossible_in_production() -> None:
    assert prod.DEBUG is False
    words = [file.name for file in (SERVICE / "config").rglob("*.py") if "DEBUG = True" in file.read_text()]
    assert words == []


def test_d4_a_changed_secret_is_taken_up_without_a_restart(committed_db: str, tmp_path: Path) -> None:
    file = tmp_path / "jwt_private_key"
    file.write_text(KEY, encoding="utf-8")
    variables = {
        "INVENTORY_STAGE": "test",
        "INVENTORY_DATABASE_URL": committed_db,
        "INVENTORY_WORKERS": "1",
        "INVENTORY_JWT_PRIVATE_KEY_FILE": str(file),
    }
    with serving(variables, tmp_path) as server:

        def kid() -> Any:
            status, body = server.get("/api/v1/identity/jwks")
            assert status == 200
            return json.loads(body)["keys"][0]["kid"]

        before, pid = kid(), server.process.pid
        file.write_text(_key(), encoding="utf-8")
        assert kid() == before
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 300
        # Each of these requests must be answered: none may fail while the workers are replaced. For a while the old
        # and the new one answer side by side.
        in_a_row = 0
        while in_a_row < 40 and time.monotonic() < deadline:
            in_a_row = in_a_row + 1 if kid() != before else 0
            time.sleep(0.05)
        assert in_a_row == 40
        assert (server.process.poll(), server.process.pid) == (None, pid)
