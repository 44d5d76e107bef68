"""Secrets from the environment, a mounted file and a real OpenBao, and taken up anew by the next load."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from configs import ConfigurationInvalid, Environment, MountedFiles, SourceUnreadable, Vault, load

SECRET = "fifty-random-characters-" + secrets.token_hex(16)
BAO = shutil.which("bao", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")


def test_d4_a_secret_comes_from_the_environment() -> None:
    assert Environment({"INVENTORY_SECRET_KEY": SECRET}).read("INVENTORY_SECRET_KEY") == SECRET
    assert Environment({}).read("INVENTORY_SECRET_KEY") is None


def test_d4_a_secret_comes_from_a_mounted_file_and_changes_with_it(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    file.chmod(0o400)
    environ = {"INVENTORY_SECRET_KEY_FILE": str(file)}
    assert MountedFiles(environ).read("INVENTORY_SECRET_KEY") == SECRET
    assert load(environ, stage="test").secret_key == SecretStr(SECRET)
    file.unlink()
    file.write_text("another", encoding="utf-8")
    file.chmod(0o400)
    assert load(environ, stage="test").secret_key == SecretStr("another")


@pytest.mark.parametrize("mode", [0o420, 0o602, 0o666])
def test_d4_a_file_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "secret_key"
    file.write_text(SECRET, encoding="utf-8")
    file.chmod(mode)
    with pytest.raises(SourceUnreadable, match="names a file that others may write") as caught:
        MountedFiles({"INVENTORY_SECRET_KEY_FILE": str(file)}).read("INVENTORY_SECRET_KEY")
    assert SECRET not in f"{caught.value} {caught.value.hint}"


@dataclass(frozen=True, kw_only=True)
class Bao:
    """A running OpenBao with an entry at secret/inventory."""

    address: str
    token: str
    role_id: str
    secret_id: str

    def ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  (our own address)
            f"{self.address}/v1/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Vault-Token": self.token},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  (our own address)
            return json.loads(answer.read() or b"null")

    def keep(self, **values: str) -> None:
        self.ask("POST", "secret/data/inventory", {"data": values})

    @property
    def environ(self) -> dict[str, str]:
        return {
            "INVENTORY_VAULT_ADDRESS": self.address,
            "INVENTORY_VAULT_ROLE_ID": self.role_id,
            "INVENTORY_VAULT_SECRET_ID": self.secret_id,
        }


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bao]:
    assert BAO is not None, "bao is not installed: uv sync"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address, token = f"http://127.0.0.1:{port}", secrets.token_hex(16)
    options = ["-dev", f"-dev-listen-address=127.0.0.1:{port}", f"-dev-root-token-id={token}", "-dev-no-store-token"]
    home = {"HOME": str(tmp_path_factory.mktemp("bao")), "PATH": os.defpath}
    with subprocess.Popen(
        [BAO, "server", *options], env=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as it:
        try:
            running = Bao(address=address, token=token, role_id="", secret_id="")
            _await(running)
            running.ask("POST", "sys/auth/approle", {"type": "approle"})
            policy = 'path "secret/data/inventory" { capabilities = ["read"] }'
            running.ask("PUT", "sys/policies/acl/inventory", {"policy": policy})
            running.ask("POST", "auth/approle/role/inventory", {"token_policies": "inventory", "token_ttl": "1m"})
            role = running.ask("GET", "auth/approle/role/inventory/role-id")["data"]["role_id"]
            secret = running.ask("POST", "auth/approle/role/inventory/secret-id", {})["data"]["secret_id"]
            yield Bao(address=address, token=token, role_id=role, secret_id=secret)
        finally:
            it.terminate()


def _await(bao: Bao) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            bao.ask("GET", "sys/health")
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def test_d4_a_secret_comes_from_openbao_and_changes_with_it(bao: Bao) -> None:
    bao.keep(secret_key=SECRET, database_url="postgresql://app@db/inventory?sslmode=verify-full")
    settings = load(bao.environ, stage="test")
    assert settings.secret_key == SecretStr(SECRET)
    assert settings.database_url == SecretStr("postgresql://app@db/inventory?sslmode=verify-full")
    bao.keep(secret_key="another")
    assert load(bao.environ, stage="test").secret_key == SecretStr("another")


def test_d4_the_environment_beats_openbao(bao: Bao) -> None:
    bao.keep(secret_key=SECRET)
    environ = {**bao.environ, "INVENTORY_SECRET_KEY": "from the environment"}
    assert load(environ, stage="test").secret_key == SecretStr("from the environment")


def test_d4_an_entry_with_a_key_that_is_no_setting_is_refused(bao: Bao) -> None:
    bao.keep(secret_kye=SECRET)
    with pytest.raises(ConfigurationInvalid, match="keys that are no settings: secret_kye") as caught:
        load(bao.environ, stage="test")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"INVENTORY_VAULT_SECRET_ID": "wrong"}, "could not be read (InvalidRequest)"),
        ({"INVENTORY_VAULT_PATH": "secret/elsewhere"}, "could not be read (Forbidden)"),
        ({"INVENTORY_VAULT_ADDRESS": "http://127.0.0.1:1"}, "could not be read (ConnectionError)"),
        ({"INVENTORY_VAULT_ADDRESS": "file:///etc/passwd"}, "is not a URL"),
    ],
)
def test_d4_a_store_that_gives_nothing_stops_the_start(bao: Bao, change: dict[str, str], problem: str) -> None:
    bao.keep(secret_key=SECRET)
    with pytest.raises(ConfigurationInvalid) as caught:
        load({**bao.environ, **change}, stage="test")
    assert ("INVENTORY_VAULT_ADDRESS", problem) in [(one.variable, one.problem) for one in caught.value.problems]
    assert bao.secret_id not in str(caught.value)


def test_d4_production_asks_for_secrets_over_https_only() -> None:
    with pytest.raises(ConfigurationInvalid, match="INVENTORY_VAULT_ADDRESS: is not https"):
        load({"INVENTORY_VAULT_ADDRESS": "http://bao.example.com"}, stage="prod")


def test_d4_a_secret_id_is_shown_nowhere() -> None:
    vault = Vault(address="https://bao", path="secret/inventory", role_id="role", secret_id=SECRET, prefix="INVENTORY_")
    assert SECRET not in repr(vault)
