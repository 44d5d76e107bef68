"""Databases made, cloned and dropped; templates built once."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import devdb

KEY = "0123456789abcdef"

_BUILDER = """
import sys

import psycopg

import devdb


def build(url):
    with open(sys.argv[1], "a") as log:
        log.write("built\\n")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE item AS SELECT generate_series(1, 3) AS n")
        connection.execute("SELECT pg_sleep(0.3)")


with devdb.server(profile="test") as server:
    print(devdb.template(server, name="stock", key="0123456789abcdefMORE", build=build))
"""


def build_items(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE item AS SELECT generate_series(1, 3) AS n")


def refuse(url: str) -> None:
    pytest.fail(f"{url} should have been there")


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def databases(server: devdb.Server) -> list[object]:
    statement = "SELECT datname FROM pg_database WHERE datname !~ '^(postgres|template.)$' ORDER BY datname"
    return [name for (name,) in query(server.url(), statement)]


@pytest.fixture(scope="module")
def running(initialised_folder: Path) -> Iterator[devdb.Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEVDB_HOME", str(initialised_folder))
        for name in ("DATABASE_URL", "DEVDB_BINARIES"):
            patch.delenv(name, raising=False)
        with devdb.server(profile="test") as found:
            yield found


@pytest.fixture
def server(running: devdb.Server) -> devdb.Server:
    for name in databases(running):
        devdb.drop_database(running, str(name))
    return running


def test_a_database_is_created_once(server: devdb.Server) -> None:
    assert devdb.ensure_database(server, 'a "b"') is True
    assert devdb.ensure_database(server, 'a "b"') is False
    assert query(server.url('a "b"'), "SELECT current_database()") == [('a "b"',)]
    assert databases(server) == ['a "b"']


def test_a_database_is_dropped_with_the_sessions_in_it(server: devdb.Server) -> None:
    devdb.ensure_database(server, "stock")
    session = psycopg.connect(server.url("stock"))
    devdb.drop_database(server, "stock")
    devdb.drop_database(server, "stock")
    assert databases(server) == []
    session.close()


def test_clones_share_nothing_with_each_other_or_their_template(server: devdb.Server) -> None:
    template = devdb.template(server, name="stock", key=KEY, build=build_items)
    devdb.clone(server, template=template, name="one")
    devdb.clone(server, template=template, name="two")
    with psycopg.connect(server.url("one")) as connection:
        connection.execute("DELETE FROM item")
    assert query(server.url("one"), "SELECT count(*) FROM item") == [(0,)]
    assert query(server.url("two"), "SELECT count(*) FROM item") == [(3,)]
    session = psycopg.connect(server.url("one"))
    devdb.clone(server, template=template, name="one")
    assert query(server.url("one"), "SELECT count(*) FROM item") == [(3,)]
    session.close()


def test_a_clone_of_nothing_is_refused(server: devdb.Server) -> None:
    with pytest.raises(psycopg.errors.InvalidCatalogName, match='template database "none" does not exist'):
        devdb.clone(server, template="none", name="one")
    assert databases(server) == []


@pytest.mark.usefixtures("server", "initialised")
def test_a_template_is_built_once_by_four_processes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-c", _BUILDER, str(log)]
    askers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = [asker.communicate(timeout=300)[0].strip() for asker in askers]
    assert answers == [f"tmpl_stock_{KEY}"] * 4
    assert log.read_text(encoding="utf-8") == "built\n"


def test_a_template_stays_for_the_next(server: devdb.Server) -> None:
    assert devdb.template(server, name="stock", key=KEY, build=build_items) == f"tmpl_stock_{KEY}"
    assert devdb.template(server, name="stock", key=KEY, build=refuse) == f"tmpl_stock_{KEY}"


def test_nobody_can_get_into_a_template_not_even_who_built_it(server: devdb.Server) -> None:
    left_open: list[psycopg.Connection[tuple[object, ...]]] = []
    template = devdb.template(server, name="stock", key=KEY, build=lambda url: left_open.append(psycopg.connect(url)))
    with pytest.raises(psycopg.OperationalError):
        left_open[0].execute("SELECT 1")
    left_open[0].close()
    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        psycopg.connect(server.url(template))
    devdb.clone(server, template=template, name="one")
    assert databases(server) == ["one", template]


def test_a_template_that_could_not_be_built_leaves_nothing(server: devdb.Server) -> None:
    def fail(url: str) -> None:
        build_items(url)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        devdb.template(server, name="stock", key=KEY, build=fail)
    assert databases(server) == []


def test_a_template_whose_builder_was_killed_is_built_again(server: devdb.Server) -> None:
    devdb.ensure_database(server, f"tmpl_stock_{KEY}")
    template = devdb.template(server, name="stock", key=KEY, build=build_items)
    devdb.clone(server, template=template, name="one")
    assert query(server.url("one"), "SELECT count(*) FROM item") == [(3,)]


def test_a_new_template_replaces_the_older_of_its_name_only(server: devdb.Server) -> None:
    devdb.template(server, name="stock", key="old", build=build_items)
    devdb.template(server, name="stock_full", key="old", build=build_items)
    devdb.template(server, name="stock", key="new", build=build_items)
    assert databases(server) == ["tmpl_stock_full_old", "tmpl_stock_new"]


@pytest.mark.parametrize(
    ("name", "key", "said"),
    [
        ("Stock", KEY, "not 'Stock'"),
        ("stock", "", "''"),
        ("stock", "a_b", "'a_b'"),
        ("s" * 43, KEY, "more than 63 characters"),
    ],
)
def test_a_malformed_template_is_refused(server: devdb.Server, name: str, key: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        devdb.template(server, name=name, key=key, build=refuse)
    assert databases(server) == []
