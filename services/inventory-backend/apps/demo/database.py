"""The databases that `inventory` brings along where none was given: the developer's, and the demo's."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

import devdb

DEVELOPMENT = "inventory"
DEMO = "inventory_demo"
MARK = "Made by `inventory demo`, which may drop it."


class ForeignDatabase(Exception):
    """A database has the demo's name, but the demo did not make it."""

    def __init__(self) -> None:
        super().__init__(
            f"There is a database {DEMO!r} that the demo did not make; it is left alone. "
            "Rename or drop it, or unset DATABASE_URL."
        )


@contextmanager
def development() -> Iterator[str]:
    """Give the URL of the developer's database for the time of a `with` block, made and started if need be."""
    with devdb.server(profile="dev") as server:
        devdb.ensure_database(server, DEVELOPMENT)
        yield server.url(DEVELOPMENT)


@contextmanager
def demo(*, reset: bool) -> Iterator[str]:
    """Give the URL of the demo's database for the time of a `with` block; `reset` begins with an empty one.

    Raises `ForeignDatabase` where a database of that name lacks the demo's mark.
    """
    with devdb.server(profile="dev") as server:
        url = server.url(DEMO)
        if devdb.ensure_database(server, DEMO):
            _mark(url)
        elif not _is_marked(url):
            raise ForeignDatabase
        elif reset:
            devdb.drop_database(server, DEMO)
            devdb.ensure_database(server, DEMO)
            _mark(url)
        yield url


def _mark(url: str) -> None:
    with psycopg.connect(url) as connection:
        command = sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(DEMO), sql.Literal(MARK))
        connection.execute(command)


def _is_marked(url: str) -> bool:
    query = """
        SELECT shobj_description(oid, 'pg_database') = %s FROM pg_database WHERE datname = current_database()
    """
    with psycopg.connect(url) as connection:
        row = connection.execute(query, [MARK]).fetchone()
    return bool(row and row[0])
