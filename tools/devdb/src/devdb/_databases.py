"""Databases on a server: made, cloned from a template, dropped."""

import contextlib
import re
from collections.abc import Callable, Iterator

import psycopg
from psycopg import sql

from devdb._server import MAINTENANCE, Server

type _Connection = psycopg.Connection[tuple[object, ...]]

_KEY_LENGTH = 16
_LONGEST_NAME = 63  # PostgreSQL cuts longer names without an error worth the name


def ensure_database(server: Server, name: str) -> bool:
    """Create a database if it is absent; return whether this call created it."""
    with _maintenance(server) as connection:
        if _exists(connection, name):
            return False
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return False  # another process was faster
        return True


def drop_database(server: Server, name: str) -> None:
    """Drop a database if it exists, ending the sessions in it."""
    with _maintenance(server) as connection:
        _drop(connection, name)


def clone(server: Server, *, template: str, name: str) -> None:
    """Make a database an exact copy of a template, in place of one that has the name already.

    Raises:
        psycopg.errors.InvalidCatalogName: there is no such template, or a newer one has replaced it.
    """
    with _maintenance(server) as connection:
        _drop(connection, name)
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY wal_log")
        connection.execute(command.format(sql.Identifier(name), sql.Identifier(template)))


def template(server: Server, *, name: str, key: str, build: Callable[[str], None]) -> str:
    """Return the name of the template database for `key`, building it if it is not there.

    Of all processes that ask at once, one builds; the others wait for it.  A template is closed to
    connections, which is also the mark that it is complete.  Older templates of the name are dropped.

    Args:
        server: where to build.
        name: lower-case letters, digits and underscores.
        key: a digest of all that the content depends on; its first 16 characters count.
        build: fills the fresh database whose URL it is given.

    Raises:
        ValueError: the name or the key is malformed.
    """
    database = _template_name(name, key)
    with _maintenance(server) as connection:
        # Per name, not per key: the dropping of older ones must not meet a build.  Ends with the session.
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [f"devdb template {name}"])
        if _is_complete(connection, database):
            return database
        for older in _templates(connection, name):
            _drop(connection, older)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        try:
            build(server.url(database))
        except BaseException:
            _drop(connection, database)
            raise
        _close(connection, database)
    return database


def _template_name(name: str, key: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not re.fullmatch(r"[a-zA-Z0-9]+", key):
        raise ValueError(f"A template has a name like stock_full and a digest as key, not {name!r}, {key!r}.")
    database = f"tmpl_{name}_{key[:_KEY_LENGTH]}"
    if len(database) > _LONGEST_NAME:
        raise ValueError(f"{database} has more than {_LONGEST_NAME} characters: shorten the template's name.")
    return database


def _templates(connection: _Connection, name: str) -> list[str]:
    # A key has no underscore, so the templates of `stock` are told from those of `stock_full`.
    query = "SELECT datname FROM pg_database WHERE datname ~ %s"
    found = connection.execute(query, [f"^tmpl_{name}_[a-zA-Z0-9]+$"])
    return [str(database) for (database,) in found]


def _is_complete(connection: _Connection, database: str) -> bool:
    query = "SELECT 1 FROM pg_database WHERE datname = %s AND NOT datallowconn"
    return connection.execute(query, [database]).fetchone() is not None


def _close(connection: _Connection, database: str) -> None:
    """Close a database to connections, and end those that a build left open: they would forbid cloning."""
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(database)))
    query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"
    connection.execute(query, [database])


def _drop(connection: _Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _exists(connection: _Connection, name: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


@contextlib.contextmanager
def _maintenance(server: Server) -> Iterator[_Connection]:
    with psycopg.connect(server.url(MAINTENANCE), autocommit=True) as connection:
        # A dropped database that isn't there is no news.
        connection.execute("SET client_min_messages = warning")
        yield connection
