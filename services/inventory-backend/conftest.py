"""A migrated PostgreSQL database for each worker, entered as the role that the service runs as."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django.plugin import DjangoDbBlocker

import devdb
from config.database import address_settings
from tests.client import Client
from tests.server import Server
from tests.world import PASSWORD, World, forget_events, make_world

# Examples are round trips to a database that other workers use as well: few of them, the same in every run.
hypothesis_settings.register_profile(
    "postgres",
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis_settings.load_profile("postgres")


@dataclass(frozen=True, kw_only=True)
class Databases:
    """The server of this run, its migrated template, and clones of that."""

    server: devdb.Server
    template: str
    owner_of_names: str
    numbers: Iterator[int] = field(default_factory=count)

    def clone(self) -> str:
        """Return the name of a fresh migrated database; the caller drops it."""
        name = f"{self.owner_of_names}_{next(self.numbers)}"
        devdb.clone(self.server, template=self.template, name=name)
        return name

    def enter(self, name: str, *, role: str | None = "inventory_app") -> None:
        """Point Django at a database; None as role is the owner of the tables."""
        connections.close_all()
        url = self.server.url(name)
        address = address_settings(url, settings.CONFIG, role=role, pool_max=0)
        connection.settings_dict.update(address)

    def drop(self, name: str) -> None:
        """Drop a clone."""
        devdb.drop_database(self.server, name)


@pytest.fixture(scope="session")
def databases(django_db_blocker: DjangoDbBlocker, testrun_uid: str, worker_id: str) -> Iterator[Databases]:
    """Find or start a server, and migrate a template unless one with these migrations is there."""
    with devdb.server(profile="test") as server:
        names = f"inv_{testrun_uid[:8]}_{worker_id}"
        draft = Databases(server=server, template="", owner_of_names=names)

        def migrate(url: str) -> None:
            draft.enter(str(psycopg.conninfo.conninfo_to_dict(url)["dbname"]), role=None)
            call_command("migrate", verbosity=0, interactive=False)
            forget_events()
            connections.close_all()

        with django_db_blocker.unblock():
            template = devdb.template(server, name="inventory", key=_migrations_digest(), build=migrate)
        yield Databases(server=server, template=template, owner_of_names=names)


@pytest.fixture(scope="session")
def django_db_setup(databases: Databases, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Give pytest-django a clone of the template instead of a database that it migrates itself."""
    name = databases.clone()
    with django_db_blocker.unblock():
        databases.enter(name)
    yield
    with django_db_blocker.unblock():
        connections.close_all()
    databases.drop(name)


@pytest.fixture
def committed_db(
    databases: Databases,
    django_db_setup: None,  # noqa: ARG001  (it must be there to come back to)
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    """Give a database of its own to a test that commits, and return its URL as its owner.

    Django's flush can't clean up after such a test: the ledger's tables refuse TRUNCATE.
    """
    before = dict(connection.settings_dict)
    name = databases.clone()
    with django_db_blocker.unblock():
        databases.enter(name)
        try:
            yield databases.server.url(name)
        finally:
            connections.close_all()
            connection.settings_dict.update(before)
            databases.drop(name)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """Make two warehouses, items of each tracking, and users: in the test's transaction, or committed."""
    if "committed_db" not in request.fixturenames:
        request.getfixturevalue("db")
        return make_world()
    made = make_world()
    forget_events()
    return made


@pytest.fixture
def as_user(world: World) -> Callable[[str], Client]:  # noqa: ARG001  (its users must exist)
    """Return a function that signs a user of the world in."""
    return lambda username: Client.signed_in(username, PASSWORD)


@pytest.fixture
def api(as_user: Callable[[str], Client]) -> Client:
    """Return a client of the administrator, who may do everything everywhere."""
    return as_user("ada")


@pytest.fixture
def server(committed_db: str, world: World) -> Iterator[Server]:  # noqa: ARG001  (its users must exist)
    """Serve a database of the test's own, which has the world in it, over HTTP."""
    running = Server(committed_db)
    try:
        running.start()
        yield running
    finally:
        running.kill()


def _migrations_digest() -> str:
    digest = hashlib.sha256()
    root = Path(__file__).parent
    libraries = [Path(folder) for folder in ("libs/rbac/src", "libs/audit/src")]
    folders = [root / "apps", *(root.parents[1] / folder for folder in libraries)]
    files = [
        file
        for folder in folders
        for pattern in ("**/migrations/*.py", "**/sql/*.sql", "**/permissions.py", "**/management/roles.py")
        for file in folder.glob(pattern)
    ]
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()
