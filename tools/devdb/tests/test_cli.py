"""The command: what it prints and with which code it ends."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from scenery import Users

import devdb
from devdb._cluster import clusters
from devdb.cli import main


def status(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["status", "--json", *options]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["clusters"]
    return found


def test_start_leaves_it_running_until_stop(initialised: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["start", "--profile", "test"]) == 0
    ((cluster, _),) = clusters(initialised, "test")
    version = cluster.answers()
    assert version is not None
    assert capsys.readouterr().out.splitlines() == [
        f"PostgreSQL 18.{version % 10000} runs at {cluster.url}",
        "It runs on until `devdb stop --profile test`.",
    ]
    with devdb.server(profile="test") as server:
        assert server.source == "running"
    assert main(["url", "stock", "--profile", "test"]) == 0
    assert capsys.readouterr().out == server.url("stock") + "\n"
    assert status(capsys) == [
        {
            "profile": "test",
            "running": True,
            "source": "wheel",
            "version": version,
            "path": str(cluster.data),
            "url": cluster.url,
            "users": [],
            "kept": True,
        }
    ]
    assert main(["stop", "--profile", "test", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"stopped": [str(cluster.state)], "in_use": []}
    assert status(capsys)[0]["running"] is False
    assert main(["stop", "--profile", "test"]) == 0
    assert capsys.readouterr().out == "Nothing runs.\n"


def test_stop_leaves_it_to_those_who_use_it(
    initialised: Path, users: Users, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["start", "--profile", "test"]) == 0
    user = users()
    user.report()
    capsys.readouterr()
    ((cluster, _),) = clusters(initialised, "test")
    assert main(["stop", "--profile", "test"]) == 1
    used = f"{cluster.state} is used by {user.process.pid}."
    assert capsys.readouterr().out == f"{used} It stops when the last of them ends.\n"
    assert main(["destroy", "--profile", "test", "--yes"]) == 1
    assert capsys.readouterr().err == f"devdb: {used} End them first.\n"
    assert cluster.answers() is not None
    user.leave()
    assert cluster.answers() is None


def test_destroy_removes_it_only_when_told_twice(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with devdb.server(profile="test"):
        ((cluster, _),) = clusters(home, "test")
    data = cluster.data
    assert data is not None
    assert main(["destroy", "--profile", "test"]) == 2
    assert capsys.readouterr().err == (
        f"devdb: this would remove all databases in\n{cluster.state}\nAdd --yes to do it.\n"
    )
    assert data.exists()
    assert main(["destroy", "--profile", "test", "--yes"]) == 0
    assert capsys.readouterr().out == f"Removed {cluster.state}.\n"
    assert not data.exists()
    assert not cluster.state.exists()
    assert main(["destroy", "--profile", "test", "--yes"]) == 0
    assert capsys.readouterr().out == "Nothing to remove.\n"


@pytest.mark.usefixtures("initialised")
def test_psql_speaks_with_the_server(capfd: pytest.CaptureFixture[str]) -> None:
    select = ["psql", "--profile", "test", "--", "-XAtc"]
    assert main([*select, "SELECT current_database()"]) == 0
    assert capfd.readouterr().out == "postgres\n"
    assert main([*select, "nonsense"]) == 1
    assert main(["psql", "-d", "none", "--profile", "test", "--", "-Xc", "SELECT 1"]) == 1


def test_a_url_of_nothing_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["url"]) == 1
    assert capsys.readouterr() == ("", "devdb: Nothing runs: devdb start --profile dev\n")
    assert status(capsys) == []
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["strat"], "no command 'strat'; did you mean 'start'?"),
        (["xyz"], "no command 'xyz'\n"),
        (["start", "--profile", "prod"], "invalid choice: 'prod'"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "devdb psql -d inventory" in capsys.readouterr().out


@pytest.mark.usefixtures("initialised")
def test_with_database_url_there_is_nothing_to_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with devdb.server(profile="test") as server:
        given_url = server.url().replace("//postgres@", "//postgres:secret@")
        monkeypatch.setenv("DATABASE_URL", given_url)
        assert main(["start"]) == 1
        assert capsys.readouterr().err == "devdb: DATABASE_URL is set, so there is nothing to start: unset it first.\n"
        (given, own) = status(capsys)
        assert given["source"] == "environment"
        assert given["url"] == server.url().replace("//postgres@", "//postgres:***@")
        assert given["version"] == server.version
        assert own["users"] == [os.getpid()]
        assert main(["url"]) == 0
        assert capsys.readouterr().out == f"{given_url}\n"
