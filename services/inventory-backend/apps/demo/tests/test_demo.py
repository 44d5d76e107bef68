"""The demo from end to end, on a server and a database of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import psycopg
import pytest

import devdb
from apps.demo import database
from apps.demo.catalogue import products
from apps.demo.history import History
from apps.demo.seed import seed
from apps.ledger.models import Balance, Transaction
from apps.ledger.queries import integrity
from apps.locations.models import LocationClosure

SERVICE = Path(__file__).parents[3]
AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.django_db
def test_seed_is_a_clean_ledger_with_all_that_the_demo_shows() -> None:
    told: list[str] = []
    count = seed(at=AT, tell=told.append)

    assert 6000 <= count <= 7000
    assert count == Transaction.objects.count()
    assert told[-1] == f"  {count:,} of {count:,} transactions"
    assert integrity() == []
    assert not Balance.objects.filter(on_hand__lt=0).exists()
    assert Balance.objects.filter(serial__isnull=False, on_hand=1).exists()
    assert Balance.objects.filter(lot__expiry_date__gt=AT.date(), on_hand__gt=0).exists()
    assert max(LocationClosure.objects.values_list("depth", flat=True)) == 4
    first, last = (Transaction.objects.order_by(order).values_list("effective_at", flat=True)[0]
                   for order in ("effective_at", "-effective_at"))  # fmt: skip
    assert (first.date().isoformat(), last.date().isoformat()) == ("2025-05-02", "2026-10-30")
    assert seed(at=AT, tell=told.append) == 0


def test_the_same_seed_invents_the_same_history() -> None:
    chances = [Random(number) for number in (1, 1, 2)]  # noqa: S311  (not for secrets)
    one, same, other = (History(products=list(products()), until=AT.date(), random=chance) for chance in chances)
    for history in (one, same, other):
        history.invent()

    assert len(one.products) == 200
    assert one.drafts == same.drafts
    assert one.drafts != other.drafts


@pytest.fixture
def no_demo(databases: object) -> Iterator[str]:
    """Give the server of the tests, without the demo's database before and after.

    The database's name is the same for all processes of a test run, so one has it at a time.
    """
    del databases
    with (
        devdb.server(profile="test") as server,
        psycopg.connect(server.url("postgres"), autocommit=True) as turn,
    ):
        turn.execute("SELECT pg_advisory_lock(hashtext(%s))", [database.DEMO])
        devdb.drop_database(server, database.DEMO)
        yield server.url("postgres")
        devdb.drop_database(server, database.DEMO)


def test_refuses_a_database_that_it_did_not_make(no_demo: str) -> None:
    with psycopg.connect(no_demo, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database.DEMO}")

    for words in (["demo"], ["demo", "--reset"]):
        refused = subprocess.run(
            [sys.executable, "-m", "config.cli", *words],
            cwd=SERVICE, env=_environ(no_demo), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert refused.returncode == 1
        assert "a database 'inventory_demo' that the demo did not make; it is left alone" in refused.stderr

    with psycopg.connect(no_demo) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database.DEMO]).fetchone()
    assert found == (1,)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_answers_its_own_curl_and_leaves_nothing_behind(no_demo: str, end: signal.Signals) -> None:
    port = _free_port()
    command = [sys.executable, "-m", "config.cli", "demo", "--json", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=SERVICE, env=_environ(no_demo), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    ) as demo:  # fmt: skip
        try:
            assert demo.stdout is not None
            facts = json.loads(next(line for line in demo.stdout if line.startswith('{"url"')))
            answer = subprocess.run(["bash", "-c", facts["curl"]], capture_output=True, timeout=300, check=True)
            demo.send_signal(end)
            demo.communicate(timeout=300)
        finally:
            if demo.poll() is None:
                os.killpg(demo.pid, signal.SIGKILL)

    results = json.loads(answer.stdout)["results"]
    assert len(results) == 5
    assert demo.returncode == 0
    assert {user["username"] for user in facts["users"]} >= {"administrator", "picker", "viewer"}
    assert [user["location"] for user in facts["users"] if user["username"] == "picker"] == ["HAM"]
    assert _ends(demo.pid)


def _ends(group: int) -> bool:
    """Wait for a group of processes; multiprocessing's resource tracker ends when it sees that nobody is left."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environ(url: str) -> dict[str, str]:
    variables_here = os.environ.items()  # noqa: TID251  (the child gets a changed copy)
    kept = {name: value for name, value in variables_here if not name.startswith(("INVENTORY", "DJANGO"))}
    return {**kept, "DATABASE_URL": url}
