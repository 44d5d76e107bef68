"""The command line, as its users meet it: in a process of its own, by exit code, stdout and stderr."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SERVICE = Path(__file__).parents[3]
NOWHERE = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def inventory(*words: str, url: str = NOWHERE, **variables: str) -> Outcome:
    variables_here = os.environ.items()  # noqa: TID251  (the child gets a changed copy)
    kept = {name: value for name, value in variables_here if not name.startswith(("INVENTORY", "DJANGO"))}
    environ = {**kept, "DATABASE_URL": url, "INVENTORY_STAGE": "test", **variables}
    command = [sys.executable, "-m", "config.cli", *words]
    done = subprocess.run(
        command,
        cwd=SERVICE,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Outcome(code=done.returncode, out=done.stdout, err=done.stderr)


@pytest.fixture
def url(committed_db: str) -> str:
    return committed_db


def test_help_names_every_command_with_examples_and_exit_codes() -> None:
    outcome = inventory("--help")

    assert outcome.code == 0
    named = {line.split()[0] for line in outcome.out.splitlines() if line.startswith("  ")}
    assert {"demo", "doctor", "ledger", "migrate", "serve", "user"} <= named
    assert "inventory ledger verify --json" in outcome.out
    assert "exit codes: 0 done, 1 refused" in outcome.out


def test_help_of_a_command_needs_no_database() -> None:
    outcome = inventory("ledger", "--help")

    assert (outcome.code, outcome.err) == (0, "")
    assert "  inventory ledger rebuild --dry-run" in outcome.out
    assert "--settings" not in outcome.out


def test_a_typo_is_answered_with_the_nearest_command() -> None:
    outcome = inventory("migarte")

    assert outcome.code == 2
    assert outcome.err == "inventory: there is no command 'migarte'. Did you mean 'migrate'? See `inventory --help`.\n"


@pytest.mark.parametrize(
    "words",
    [("ledger",), ("ledger", "verfy"), ("serve", "--prot", "1"), ("serve", "--po", "1"), ("ledger", "rebuild")],
)
def test_wrong_usage_is_exit_code_2(words: tuple[str, ...]) -> None:
    outcome = inventory(*words)

    assert outcome.code == 2
    assert outcome.out == ""


def test_an_unreachable_database_is_exit_code_3() -> None:
    outcome = inventory("ledger", "verify", "--json")

    assert outcome.code == 3
    assert outcome.json["error"]["code"] == "database_unreachable"
    assert "inventory doctor" in outcome.err


def test_a_port_that_is_taken_is_named_before_anything_starts(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]

        outcome = inventory("serve", "--port", str(port), "--json", url=url)

    assert (outcome.code, outcome.json["error"]["code"]) == (1, "port_taken")
    assert f"--port {port + 1}" in outcome.err


def test_a_wrong_environment_is_named() -> None:
    outcome = inventory("doctor", INVENTORY_WORKERS="none")

    assert outcome.code == 1
    assert "INVENTORY_WORKERS" in outcome.err


def test_the_ledger_of_a_fresh_database_is_clean(url: str) -> None:
    outcome = inventory("ledger", "verify", "--json", url=url)

    assert (outcome.code, outcome.json) == (0, {"clean": True, "breaks": []})


def test_doctor_is_content_with_the_service_and_warns_of_the_owner(url: str) -> None:
    content = inventory("doctor", "--json", url=url)
    findings = {one["name"]: one["is_ok"] for one in content.json["findings"]}

    assert (content.code, content.json["ok"]) == (0, True)
    names = ["versions", "database", "server", "settings", "migrations", "role"]
    assert findings == dict.fromkeys(names, True)

    as_owner = inventory("doctor", "--json", url=url, INVENTORY_DATABASE_ROLE="none")
    wrong = [one for one in as_owner.json["findings"] if not one["is_ok"]]

    assert as_owner.code == 1
    assert [one["name"] for one in wrong] == ["role"]
    assert "can change ledger_posting, ledger_transaction, ledger_balance" in wrong[0]["detail"]


def test_doctor_without_a_database_is_exit_code_3() -> None:
    outcome = inventory("doctor", "--json")

    assert outcome.code == 3
    assert [one["name"] for one in outcome.json["findings"] if not one["is_ok"]] == ["database"]


def test_a_user_is_created_with_roles_once(url: str) -> None:
    words = ("user", "create", "ada", "--role", "viewer", "--role", "administrator", "--json")
    first, second = (inventory(*words, url=url) for _ in range(2))

    assert first.code == 0
    assert first.json.keys() == {"id", "username", "roles", "password"}
    assert first.json["roles"] == ["viewer", "administrator"]
    assert len(first.json["password"]) == 20
    assert second.code == 1
    assert second.json["error"]["code"] == "duplicate"


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("--role", "viever"), "unknown_role", "did you mean 'viewer'?"),
        (("--role", "viewer", "--location", "WH9"), "unknown_location", "no location 'WH9'"),
        (("--password-file", "/nowhere/at/all"), "unreadable_file", "/nowhere/at/all cannot be read"),
    ],
)
def test_a_refused_user_is_not_half_created(url: str, words: tuple[str, ...], code: str, hint: str) -> None:
    refused = inventory("user", "create", "bea", *words, "--json", url=url)

    assert refused.code == 1
    assert refused.json["error"]["code"] == code
    assert hint in refused.err
    assert inventory("user", "create", "bea", url=url).code == 0


def test_a_weak_password_is_refused_with_every_reason(url: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("password\n")
    refused = inventory("user", "create", "bea", "--password-file", str(file), "--json", url=url)

    assert refused.code == 1
    assert [one["code"] for one in refused.json["error"]["problems"]] == ["weak_password"] * 3
    assert "Invalid request: 3 problems" in refused.err
