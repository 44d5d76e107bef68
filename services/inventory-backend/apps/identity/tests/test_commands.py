"""`inventory user|role|token|key`, from the words on the command line to the exit code."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from apps.common.tests.test_cli import Outcome
from apps.identity.models import ApiKey, Session, User
from audit.django.models import AuditEvent
from config.cli import main
from tests.client import Client
from tests.world import PASSWORD, World

type Run = Callable[..., Outcome]


@pytest.fixture
def inventory(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> Outcome:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return Outcome(code=code, out=said.out, err=said.err)

    return run


@pytest.fixture
def run(inventory: Run, committed_db: str, world: World) -> Run:
    return inventory


def done(outcome: Outcome) -> Any:
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


def test_a_program_gets_an_account_a_role_and_a_key(run: Run) -> None:
    done(run("user", "create", "erp", "--service", "--role", "viewer", "--location", "A", "--json"))
    made = done(run("key", "create", "erp", "--permission", "ledger.view", "--location", "A1", "--json"))

    assert Client(made["key"]).get("/ledger/balances").status_code == 200
    (listed,) = done(run("key", "list", "--user", "erp", "--json"))["keys"]
    assert (listed["prefix"], listed["location"], listed["permissions"]) == (made["prefix"], "A1", ["ledger.view"])
    assert made["key"] not in json.dumps(listed)
    done(run("key", "revoke", made["prefix"], "--json"))
    assert Client(made["key"]).get("/ledger/balances").status_code == 401
    assert done(run("key", "list", "--live", "--json")) == {"keys": []}
    actions = AuditEvent.objects.order_by("seq").values_list("action", flat=True)
    assert list(actions) == ["user.created", "role.granted", "api_key.created", "api_key.revoked"]


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("create", "vera", "--permission", "ledger.post"), "not_held", "does not hold ledger.post"),
        (("create", "vera", "--permission", "ledger.veiw"), "unknown_permission", "did you mean 'ledger.view'?"),
        (("create", "veera", "--permission", "ledger.view"), "unknown_user", "Did you mean 'vera'?"),
        (("revoke", "000000000000"), "unknown_key", "Nothing was changed."),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_refused_key_says_why(run: Run, words: tuple[str, ...], code: str, hint: str) -> None:
    refused = run("key", *words, "--json")

    assert (refused.code, refused.json["error"]["code"]) == (1, code)
    assert hint in refused.err
    assert ApiKey.objects.count() == 0


def test_roles_are_listed_shown_granted_and_revoked(run: Run) -> None:
    roles = done(run("role", "list", "--json"))["roles"]
    done(run("role", "grant", "vera", "picker", "--location", "A1", "--json"))
    shown = done(run("role", "show", "picker", "--json"))
    again = run("role", "grant", "vera", "picker", "--location", "A1", "--json")
    elsewhere = run("role", "revoke", "vera", "picker", "--json")

    assert len(roles) == 8
    assert [(each["username"], each["location"]) for each in shown["held_by"]] == [("vera", "A1")]
    assert (again.code, again.json["error"]["code"]) == (1, "duplicate")
    assert (elsewhere.code, elsewhere.json["error"]["code"]) == (1, "not_held")
    assert "vera holds picker (A1), viewer (everywhere)." in elsewhere.err
    done(run("role", "revoke", "vera", "picker", "--location", "A1", "--json"))
    assert done(run("role", "show", "picker", "--json"))["held_by"] == []
    assert "Did you mean 'picker'?" in run("role", "show", "piker").err


def test_users_are_listed_switched_and_given_passwords(run: Run) -> None:
    vera = Client.signed_in("vera", PASSWORD)
    sessions = done(run("user", "sessions", "vera", "--json"))["sessions"]
    made = done(run("user", "set-password", "vera", "--json"))

    assert len(sessions) == 1
    assert vera.get("/me").status_code == 401
    assert Client.signed_in("vera", made["password"]).get("/me").status_code == 200
    assert done(run("user", "disable", "vera", "--json"))["is_active"] is False
    assert [user["username"] for user in done(run("user", "list", "--disabled", "--json"))["users"]] == ["vera"]
    assert done(run("user", "enable", "vera", "--json"))["is_active"] is True
    shown = run("user", "list")
    assert shown.out.splitlines()[0].split() == ["USERNAME", "NAME", "KIND", "E-MAIL", "ACTIVE"]
    assert User.objects.get(username="vera").version == 4


def test_tokens_are_listed_and_revoked(run: Run) -> None:
    clients = [Client.signed_in(name, PASSWORD) for name in ("vera", "vera", "ada")]
    listed = done(run("token", "list", "--user", "vera", "--json"))["sessions"]
    assert len(listed) == 2

    one = done(run("token", "revoke", listed[0]["id"], "--json"))

    assert one == {"revoked": [listed[0]["id"]]}
    assert [client.get("/me").status_code for client in clients] == [401, 200, 200]
    assert len(done(run("token", "revoke", "--user", "vera", "--json"))["revoked"]) == 1
    assert [client.get("/me").status_code for client in clients] == [401, 401, 200]
    gone = run("token", "revoke", listed[0]["id"], "--json")
    assert (gone.code, gone.json["error"]["code"]) == (1, "unknown_session")
    assert Session.objects.filter(revoked_at=None).count() == 1


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("user", "lst"), "Did you mean 'list'?"),
        (("role", "grnt"), "Did you mean 'grant'?"),
        (("key", "revok"), "Did you mean 'revoke'?"),
        (("user", "list", "--disbled"), "Did you mean '--disabled'?"),
        (("kye",), "Did you mean 'key'?"),
        (("key", "create", "erp", "--permission", "x", "--days", "0"), "days from 1 to 366"),
        (("key", "create", "erp", "--permission", "x", "--expires", "soon"), "is no time"),
        (("key", "create", "erp"), "--permission"),
        (("token", "revoke"), "one of the arguments"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_a_typo_is_answered_with_the_nearest_word(inventory: Run, words: tuple[str, ...], hint: str) -> None:
    outcome = inventory(*words)

    assert (outcome.code, outcome.out) == (2, "")
    assert hint in outcome.err


@pytest.mark.parametrize("command", ["user", "role", "token", "key"])
def test_help_has_examples(inventory: Run, command: str) -> None:
    assert f"  inventory {command} " in inventory(command, "--help").out
