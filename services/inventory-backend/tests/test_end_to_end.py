"""The service as its users meet it: a process behind HTTP that may die at any moment."""

import http.client
import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import pytest

from apps.common.db import rows
from apps.ledger.tests.invariants import broken
from apps.ledger.tests.posting import on_hand
from tests.schema import GOLDEN
from tests.server import Server
from tests.threads import at_once
from tests.world import PASSWORD, World

TRANSACTIONS = "/api/v1/ledger/transactions"
DEATHS, POSTS_BETWEEN = 3, 15
RECEIPT = {"kind": "receipt", "lines": [{"item": "sku:BOLT", "quantity": "1", "to_location": "loc:A1"}]}


def _posted(server: Server, token: str) -> str:
    """Post one receipt, with the same key until somebody answers, and return its id."""
    key = str(uuid4())
    while True:
        try:
            status, told = server.request("POST", TRANSACTIONS, RECEIPT, token=token, key=key)
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)
        else:
            assert status == 201, told
            return str(told["id"])


def test_after_kill_9_each_acknowledged_post_is_there_once(server: Server, world: World) -> None:
    token, is_over = server.token("ada", PASSWORD), Event()
    acknowledged: list[str] = []

    def client() -> None:
        try:
            while not is_over.is_set():
                acknowledged.append(_posted(server, token))
        finally:
            is_over.set()

    def killer() -> None:
        try:
            for deaths in range(DEATHS + 1):
                while len(acknowledged) < (deaths + 1) * POSTS_BETWEEN and not is_over.is_set():
                    time.sleep(0.02)
                if deaths < DEATHS:
                    server.kill()
                    server.start()
        finally:
            is_over.set()

    at_once(3, lambda number: client() if number else killer())
    found = [str(pk) for (pk,) in rows("SELECT id FROM ledger_transaction", [])]
    assert sorted(found) == sorted(acknowledged)
    assert len(found) >= (DEATHS + 1) * POSTS_BETWEEN
    assert on_hand(world, "A1") == len(found)
    assert broken() == {}


def test_a_generated_client_signs_in_posts_and_reads_back(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "inventory_client"
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"post_hooks": [], "package_name_override": "inventory_client"}))
    command = [
        str(Path(sys.executable).parent / "openapi-python-client"),
        "generate",
        f"--path={GOLDEN}",
        f"--config={config}",
        f"--output-path={package}",
        "--meta=none",
        "--fail-on-warning",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)

    def module(name: str) -> Any:
        return importlib.import_module(f"inventory_client.{name}")

    models = module("models")
    with module("client").AuthenticatedClient(base_url=server.url, token=server.token("ada", PASSWORD)) as client:
        body = models.NewTransaction.from_dict(RECEIPT)
        posted = module("api.ledger.post_transaction").sync(client=client, body=body, idempotency_key=str(uuid4()))
        read = module("api.ledger.get_transaction").sync(client=client, transaction_id=posted.id)
    assert (read.number, read.sequence) == (posted.number, 1)
