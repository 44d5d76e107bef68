"""What was refused is in the trail, and the trail leaves the house: into a real file, by real processes."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command

from apps.trail.actions import REFUSALS_AT_ONCE, keep_sealing
from apps.trail.tests.sealing import seal_all, settle, wait_until
from audit.django.models import AuditEvent, RefusalCount
from tests.client import Client
from tests.world import World

pytestmark = pytest.mark.usefixtures("committed_db", "world")

SERVICE = Path(__file__).parents[3]
TELL_MANY = """
INSERT INTO audit_refusal (digest, count, occurred_at, last_at, request_id, action, operation, status, code, reason)
SELECT sha256(n::text::bytea), 1, now(), now(), '', 'authentication.failed', 'x', 401, 'x', 'x'
FROM generate_series(1, %s) n
"""


def sign_in(username: str, password: str) -> int:
    return Client("").post("/identity/token", {"username": username, "password": password}).status_code


def exported() -> list[dict[str, Any]]:
    settle()
    out = StringIO()
    call_command("audit", "export", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_l5_refusals_are_exported_with_who_what_and_why(world: World, as_user: Callable[[str], Client]) -> None:
    vera = as_user("vera")
    before = AuditEvent.objects.count()
    canary = "a canary that no event may hold"
    assert [sign_in("vera", canary), sign_in("vera", canary), sign_in(canary, canary)] == [401, 401, 401]
    assert Client("").get("/me").status_code == 401
    assert Client("forged").get("/me").status_code == 401
    assert [vera.post("/parties/parties", {"code": "NEW", "name": "New"}).status_code for _ in range(2)] == [403, 403]
    assert [sign_in("vera", "wrong") for _ in range(5)] == [401, 401, 401, 429, 429]
    assert AuditEvent.objects.count() == before

    seal_all()
    told = exported()[before:]

    known = {str(pk): name for name, pk in world.users.items()}
    assert [
        (
            event["class_uid"],
            event["status_id"],
            event["message"],
            event["status_code"],
            event["status_detail"],
            known.get(event["user"].get("uid"), event["user"].get("name")),
            event["count"],
            event["src_endpoint"]["ip"],
        )
        for event in told
    ] == [
        (3002, 2, "sign_in was refused", "sign_in_refused", "wrong_password", "vera", 5, "127.0.0.1"),
        (3002, 2, "sign_in was refused", "sign_in_refused", "unknown_user", "unknown", 1, "127.0.0.1"),
        (
            3002,
            2,
            "me was refused",
            "not_authenticated",
            "Authentication credentials were not provided.",
            "unknown",
            1,
            "127.0.0.1",
        ),
        (
            3002,
            2,
            "me was refused",
            "not_authenticated",
            "Token is invalid. Sign in again or refresh.",
            "unknown",
            1,
            "127.0.0.1",
        ),
        (
            3003,
            2,
            "create_party was refused",
            "permission_denied",
            "This needs the permission parties.edit.",
            "vera",
            2,
            "127.0.0.1",
        ),
        (3002, 2, "sign_in was refused", "too_many_tries", "too_many_tries", "unknown", 2, "127.0.0.1"),
    ]
    assert all(event["metadata"]["correlation_uid"] for event in told)
    assert canary not in json.dumps(told)


def test_l5_a_flood_of_refusals_does_not_flood_the_trail(committed_db: str) -> None:
    before = AuditEvent.objects.count()
    with psycopg.connect(committed_db) as owner:
        owner.execute(TELL_MANY, [REFUSALS_AT_ONCE + 100])

    next(iter(keep_sealing(every_seconds=1e-6)))

    assert AuditEvent.objects.count() - before == REFUSALS_AT_ONCE
    assert RefusalCount.objects.count() == 100


def test_l5_a_refusal_that_cannot_be_counted_is_still_answered(committed_db: str) -> None:
    with psycopg.connect(committed_db) as owner:
        owner.execute("REVOKE INSERT ON audit_refusal FROM inventory_app")

    assert Client("").get("/me").status_code == 401


def test_l5_forward_sends_what_is_new(settings: Any, tmp_path: Path) -> None:
    file = tmp_path / "kept"
    with pytest.raises(CommandError, match="Set INVENTORY_AUDIT_SINK to"):
        call_command("audit", "forward")
    settings.CONFIG = settings.CONFIG.model_copy(update={"audit_sink": f"file://{file}", "audit_sink_format": "cef"})
    sign_in("vera", "wrong")
    seal_all()
    events = AuditEvent.objects.count()
    settle()
    out = StringIO()
    call_command("audit", "forward", "--json", stdout=out)
    call_command("audit", "forward", stdout=out)

    assert out.getvalue().splitlines() == [f'{{"sent": {events}}}', "0 events were sent."]
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == events
    assert lines[-1].startswith("CEF:0|Inventory|Inventory|0.1.0|authentication.failed|authentication.failed|5|rt=")
    assert " outcome=failure cnt=1 " in lines[-1]
    file.unlink()
    file.mkdir()
    sign_in("vera", "wrong")
    seal_all()
    settle()
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("audit", "forward", "--json", stdout=out)
    assert json.loads(out.getvalue())["error"]["code"] == "not_delivered"


def test_l5_a_sink_that_cannot_be_used_is_named(settings: Any, tmp_path: Path) -> None:
    update = {"audit_sink": "syslog+tls://127.0.0.1:1", "audit_sink_authorities": tmp_path / "none.pem"}
    settings.CONFIG = settings.CONFIG.model_copy(update=update)

    with pytest.raises(CommandError, match=r"syslog\+tls://127\.0\.0\.1:1: .*No such file"):
        call_command("audit", "forward")


@contextmanager
def running(database: str, *words: str, **settings: str) -> Iterator[int]:
    environ = {"PATH": os.defpath, "DATABASE_URL": database, "INVENTORY_STAGE": "test", **settings}
    command = [sys.executable, "-m", "config.cli", *words]
    with subprocess.Popen(command, cwd=SERVICE, env=environ, stdout=subprocess.DEVNULL) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def test_l5_a_forwarder_outlives_a_sink_that_is_away(committed_db: str, tmp_path: Path) -> None:
    file = tmp_path / "away" / "kept"
    with running(committed_db, "audit", "forward", "--every", "0.2", INVENTORY_AUDIT_SINK=f"file://{file}"):
        sign_in("vera", "wrong")
        seal_all()
        file.parent.mkdir()
        wait_until(lambda: file.exists() and '"class_uid":3002' in file.read_text(encoding="utf-8"))


def test_l5_serving_forwards_failed_sign_ins(committed_db: str, tmp_path: Path) -> None:
    file = tmp_path / "kept"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/identity/token",
        data=b'{"username": "vera", "password": "wrong"}',
        headers={"Content-Type": "application/json"},
    )

    def is_refused() -> bool:
        try:
            urllib.request.urlopen(request, timeout=60)  # noqa: S310  (as above)
        except urllib.error.HTTPError as answer:
            return answer.code == 401
        except OSError:
            return False
        return False

    with running(committed_db, "serve", "--port", str(port), INVENTORY_AUDIT_SINK=f"file://{file}"):
        wait_until(is_refused)
        wait_until(lambda: file.exists() and "wrong_password" in file.read_text(encoding="utf-8"))

    events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [event["metadata"]["sequence"] for event in events] == list(
        AuditEvent.objects.order_by("xid", "seq").values_list("seq", flat=True)[: len(events)]
    )
    assert (events[-1]["class_uid"], events[-1]["status"], events[-1]["status_detail"]) == (
        3002,
        "Failure",
        "wrong_password",
    )
