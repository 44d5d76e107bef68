"""The toy project's database, on a real server."""

import os
from collections.abc import Iterator

import pytest
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

import devdb


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Iterator[None]:
    # The process id keeps two runs on one cluster apart.
    with devdb.server(profile="test") as server:
        where = conninfo_to_dict(server.url("postgres"))
        connection.settings_dict.update(
            {
                "NAME": f"rbac_{os.getpid()}",
                "USER": where["user"],
                "PASSWORD": where.get("password", ""),
                "HOST": where["host"],
                "PORT": where.get("port", ""),
            }
        )
        yield
