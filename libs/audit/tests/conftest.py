"""The toy project's database, on a real server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import connection
from psycopg.conninfo import conninfo_to_dict
from pytest_django.plugin import DjangoDbBlocker

import devdb


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Iterator[None]:
    # The process id keeps two runs on one cluster apart.
    with devdb.server(profile="test") as server:
        where = conninfo_to_dict(server.url("postgres"))
        connection.settings_dict.update(
            {
                "NAME": f"audit_{os.getpid()}",
                "USER": where["user"],
                "PASSWORD": where.get("password", ""),
                "HOST": where["host"],
                "PORT": where.get("port", ""),
            }
        )
        yield


@pytest.fixture(scope="session")
def _migrated(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[devdb.Server, str]]:
    """Migrate a database that others are copied from; pytest-django's own has a connection, so it cannot be."""
    name = f"audit_template_{os.getpid()}"
    with devdb.server(profile="test") as server, django_db_blocker.unblock():
        devdb.ensure_database(server, name)
        with _inside(name):
            call_command("migrate", verbosity=0)
        yield server, name
        devdb.drop_database(server, name)


@pytest.fixture
def committed(_migrated: tuple[devdb.Server, str], django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Give a database of its own to a test that commits; return its URL as its owner."""
    server, template = _migrated
    name = f"audit_copy_{os.getpid()}"
    devdb.clone(server, template=template, name=name)
    with django_db_blocker.unblock(), _inside(name):
        yield server.url(name)
    devdb.drop_database(server, name)


@contextmanager
def _inside(name: str) -> Iterator[None]:
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
