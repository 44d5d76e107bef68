"""`python -m bench.trail`: what a long audit trail costs to seal, to verify and to prove, in time and in memory.

The events are written by SQL into a database of this run; sealing and verifying are the service's own commands.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from os import getpid
from typing import Any, Final

import psycopg

import devdb
from bench.server import SERVICE, command, settings_for

_PER_TRANSACTION: Final = 1_000
_INSERT: Final = """
    INSERT INTO audit_event (
        id, occurred_at, actor_id, session_id, ip, request_id, action, object_type, object_id, after, reason
    )
    SELECT gen_random_uuid(), now(), gen_random_uuid(), gen_random_uuid(), '192.0.2.1', 'bench', 'stock.posted',
        'transaction', gen_random_uuid()::text, jsonb_build_object('kind', 'transfer', 'lines', 1, 'n', n), ''
    FROM generate_series(1, %s) n
"""


def main() -> int:
    """Print seconds and the largest resident size of each step."""
    parser = argparse.ArgumentParser(prog="python -m bench.trail", description=sys.modules[__name__].__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="how many (%(default)s)")
    events: int = parser.parse_args().events
    name = f"bench_trail_{getpid()}"
    with devdb.server(profile="dev") as database:
        devdb.ensure_database(database, name)
        try:
            url = database.url(name)
            _run(url, "migrate", role="none")
            _write(url, events // 2)
            _step(url, "seal", "the first half, in one seal", "audit", "seal", "--json")
            _write(url, events - events // 2)
            _step(url, "seal", "the second half", "audit", "seal", "--json")
            _step(url, "verify", "all", "audit", "verify", "--json")
            _step(url, "verify", "the second half", "audit", "verify", "--from", "1", "--json")
            _step(url, "prove", "one in the middle", "audit", "prove", str(events // 3), "--json")
        finally:
            devdb.drop_database(database, name)
    return 0


def _write(url: str, events: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(events // _PER_TRANSACTION):
            connection.execute(_INSERT, [_PER_TRANSACTION])
        connection.execute("ANALYZE audit_event")


def _step(url: str, name: str, what: str, *words: str) -> None:
    started = time.perf_counter()
    answer, mebibytes = _run(url, *words, role="inventory_app")
    facts = {key: answer[key] for key in ("size", "events", "clean", "index") if key in answer}
    print(f"{name:<8}{what:<28}{time.perf_counter() - started:>8.1f} s{mebibytes:>8.0f} MiB  {facts}", flush=True)


def _run(url: str, *words: str, role: str) -> tuple[dict[str, Any], float]:
    """Run a command of the service; return its answer and the most memory that it had, in MiB."""
    settings = settings_for(url, role=role) | {"INVENTORY_STATEMENT_TIMEOUT_MS": "600000"}
    with subprocess.Popen(
        command("config.cli", *words, settings=settings), cwd=SERVICE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None  # noqa: S101  (Popen was asked for it)  # nosec B101
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}: {text}")
    return (json.loads(text) if text.startswith("{") else {}), usage.ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
