"""`inventory audit`, as its users meet it: by exit code, stdout and stderr."""

import json
import socket
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.trail.tests.sealing import settle, wait_until
from audit.django.models import AuditEvent, Seal
from tests.answers import json_of
from tests.client import Client
from tests.world import World

pytestmark = pytest.mark.usefixtures("committed_db", "world")


def run(*words: str) -> Any:
    out = StringIO()
    settle()
    call_command("audit", *words, "--json", stdout=out)
    return json.loads(out.getvalue())


def refused(*words: str) -> tuple[int, Any]:
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("audit", *words, "--json", stdout=out, stderr=StringIO())
    return error.value.returncode, json.loads(out.getvalue().splitlines()[0])


def as_owner(*statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SET ROLE NONE; ALTER TABLE audit_event DISABLE TRIGGER ALL; ALTER TABLE audit_seal DISABLE TRIGGER ALL"
        )
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("SET ROLE inventory_app")


def test_seals_once_and_says_so(world: World, api: Client) -> None:
    assert refused("checkpoint")[1]["error"]["code"] == "not_sealed"
    events = AuditEvent.objects.count()

    assert run("seal") == {"sealed": True, "seal": 1, "size": events}
    assert run("seal") == {"sealed": False}
    assert run("verify") == {"clean": True, "breaks": [], "seals": 1, "events": events, "unsealed": 0}
    assert run("checkpoint")["note"] == Seal.objects.get().note


def test_l3_a_truncated_tail_shows_against_a_kept_checkpoint(world: World, api: Client, tmp_path: Path) -> None:
    run("seal")
    api.post("/parties/parties", {"code": "ACME", "name": "Acme"})
    run("seal")
    kept = tmp_path / "checkpoint"
    kept.write_text(run("checkpoint")["note"], encoding="utf-8")
    assert run("verify", "--against", str(kept))["clean"]
    as_owner("DELETE FROM audit_event WHERE object_type = 'party'", "DELETE FROM audit_seal WHERE number = 2")

    assert run("verify")["clean"]
    code, facts = refused("verify", "--against", str(kept))
    assert (code, [each["kind"] for each in facts["breaks"]]) == (1, ["truncated"])
    kept.write_text("nonsense", encoding="utf-8")
    assert refused("verify", "--against", str(kept))[1]["error"]["code"] == "unknown_checkpoint"
    assert refused("verify", "--against", str(tmp_path / "none"))[1]["error"]["code"] == "unreadable_file"
    assert refused("verify", "--from", "9")[1]["error"]["code"] == "not_found"


def test_proves_an_event(world: World, api: Client) -> None:
    seq = AuditEvent.objects.latest("seq").seq
    assert refused("prove", str(seq))[1]["error"]["code"] == "not_sealed"
    run("seal")

    proof = run("prove", str(seq))

    assert (proof["index"], proof["size"], f'"seq":{seq}' in proof["content"]) == (
        proof["size"] - 1,
        proof["size"],
        True,
    )
    assert refused("prove", "999999")[1]["error"]["code"] == "not_found"


def test_l5_export_goes_on_after_the_last_and_misses_none(world: World, api: Client, committed_db: str) -> None:
    last = AuditEvent.objects.latest("seq").seq
    insert = """
        INSERT INTO audit_event (id, occurred_at, request_id, action, object_type, object_id, reason)
        VALUES (gen_random_uuid(), now(), '', 'item.made', 'item', %s, '')
    """
    with psycopg.connect(committed_db) as slow, psycopg.connect(committed_db) as fast:
        slow.execute(insert, ["slow"])
        fast.execute(insert, ["fast"])
        fast.commit()
        early = exported("--after", str(last))
        slow.commit()
    settle()
    late = exported("--after", str(last))

    assert [event["entity"]["uid"] for event in early] == []  # the slow one is still to come before it
    assert [event["entity"]["uid"] for event in late] == ["slow", "fast"]
    assert [event["entity"]["uid"] for event in exported("--after", str(late[0]["metadata"]["sequence"]))] == ["fast"]


def exported(*words: str) -> list[Any]:
    out = StringIO()
    call_command("audit", "export", *words, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_l5_export_speaks_ocsf_and_cef(world: World, api: Client) -> None:
    made = json_of(api.post("/parties/parties", {"code": "AC|ME=1\\", "name": "x"}))
    assert made["code"] == "invalid"
    made = json_of(api.post("/parties/parties", {"code": "ACME", "name": "a|b=c\\d"}))

    settle()
    signed_in, created = exported()[-2:]
    assert (signed_in["class_uid"], signed_in["type_uid"], signed_in["user"]["uid"]) == (
        3002,
        300201,
        str(world.users["ada"]),
    )
    assert (created["type_uid"], created["entity"]["uid"], created["entity_result"]["data"]["name"]) == (
        300401,
        made["id"],
        "a|b=c\\d",
    )
    out = StringIO()
    call_command("audit", "export", "--format", "cef", stdout=out)
    line = out.getvalue().splitlines()[-1]
    assert line.startswith("CEF:0|Inventory|Inventory|0.1.0|party.created|party.created|3|rt=")
    assert f"cs1=party {made['id']}" in line
    assert '"name": "a|b\\=c\\\\\\\\d"' in line


def test_a_seal_keeper_ends_with_its_parent(world: World, api: Client, committed_db: str) -> None:
    """`serve` starts it like this; killed, it leaves nobody behind."""
    service = Path(__file__).parents[3]
    script = (
        "import subprocess, sys; "
        "child = subprocess.Popen([sys.executable, '-m', 'config.cli', 'audit', 'seal', '--every', '0.2']); "
        "print(child.pid, flush=True); child.wait()"
    )
    environ = {"PATH": "/usr/bin:/bin", "DATABASE_URL": committed_db, "INVENTORY_STAGE": "test"}
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=service,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        keeper = int(parent.stdout.readline())
        wait_until(Seal.objects.exists)
        parent.kill()
    wait_until(lambda: not Path(f"/proc/{keeper}").exists())


def test_serve_seals_the_trail_until_it_ends(world: World, api: Client, committed_db: str) -> None:
    service = Path(__file__).parents[3]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {"PATH": "/usr/bin:/bin", "DATABASE_URL": committed_db, "INVENTORY_STAGE": "test"}
    with subprocess.Popen(
        [sys.executable, "-m", "config.cli", "serve", "--port", str(port)],
        cwd=service,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        wait_until(Seal.objects.exists)
        (sealer,) = [
            pid
            for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            if b"seal" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        server.terminate()
        server.wait(timeout=60)
    wait_until(lambda: not Path(f"/proc/{sealer}").exists())
