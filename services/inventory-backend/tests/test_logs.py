"""Standard output belongs to the answers of commands; what happened goes to standard error, a JSON object a line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.django.models import AuditEvent
from tests.client import Client
from tests.world import World

ASK = """
import django
django.setup()
from django.test import Client
Client().get("/livez", headers={"X-Request-Id": "from-the-test"}, secure=True)
"""


def test_a_request_is_one_json_line_on_standard_error() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ASK],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        env={"DJANGO_SETTINGS_MODULE": "config.settings.test", "INVENTORY_LOG_LEVEL": "INFO"},
    )
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    event = json.loads(line)
    assert (event["event"], event["level"], event["path"], event["status"]) == ("request", "info", "/livez", 200)
    assert event["request_id"] == "from-the-test"


def test_l5_refusals_are_logged_with_who_what_and_why(
    as_user: Callable[[str], Client], world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    vera = as_user("vera")
    before = AuditEvent.objects.count()

    assert Client("").get("/me").status_code == 401
    assert Client("forged").get("/me").status_code == 401
    secret = "a canary that no log may hold"
    assert Client("").post("/identity/token", {"username": "vera", "password": secret}).status_code == 401
    assert vera.post("/parties/parties", {"code": "NEW", "name": "New"}).status_code == 403

    logged = capfd.readouterr().err
    told = [json.loads(line) for line in logged.splitlines() if "request.refused" in line]
    assert [(line["status"], line["code"], line["method"], line["path"], line["actor"]) for line in told] == [
        (401, "not_authenticated", "GET", "/api/v1/me", None),
        (401, "not_authenticated", "GET", "/api/v1/me", None),
        (401, "sign_in_refused", "POST", "/api/v1/identity/token", None),
        (403, "permission_denied", "POST", "/api/v1/parties/parties", str(world.users["vera"])),
    ]
    assert {line["ip"] for line in told} == {"127.0.0.1"}
    assert [line["reason"] for line in told[2:]] == [
        "The username or the password is not right.",
        "This needs the permission parties.edit.",
    ]
    assert secret not in logged
    assert AuditEvent.objects.count() == before
