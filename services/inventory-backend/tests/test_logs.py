"""Standard output belongs to the answers of commands; what happened goes to standard error, a JSON object a line."""

import json
import subprocess
import sys
from pathlib import Path

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
