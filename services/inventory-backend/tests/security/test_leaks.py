"""What leaves the service: errors without traces, and logs, events and answers without anybody's secret."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from django.db import connection

from apps.common.db import rows
from tests.answers import json_of
from tests.security.addresses import operations
from tests.security.asking import ask, token_of
from tests.security.broken_urls import SECRET
from tests.security.shipped import Shipped, serving
from tests.world import PASSWORD, World

# Nothing of this may be in an answer to whoever asks: traces, SQL, paths, names of tables and of what we are made of.
INNER: Final = re.compile(
    rb"Traceback|File \"|/site-packages|\.py\b|psycopg|django\.|SELECT |INSERT |UPDATE |relation \"|no_such_table|"
    rb"swordfish|/usr/|/home/|/root/",
)


def _is_problem(answer: Any) -> bool:
    body = json_of(answer)
    if answer["Content-Type"] == "application/scim+json":
        # RFC 7644, 3.12: a client of SCIM is refused in its words.
        told = set(body) - {"scimType"} == {"schemas", "status", "detail"}
        return told and body["status"] == str(answer.status_code) and "X-Request-Id" in answer
    named = {"type", "title", "status", "code", "detail", "request_id"} <= set(body)
    return bool(
        answer["Content-Type"] == "application/problem+json"
        and named
        and body["status"] == answer.status_code
        and body["request_id"] == answer["X-Request-Id"]
    )


def test_h5_every_refusal_of_every_operation_is_problem_details(world: World) -> None:
    for token in ("", "nonsense", token_of("vera"), token_of("ada")):
        for path, method, _ in operations():
            for asked, content in ((path, b"{"), (f"{path}?nonsense=1", b"{}"), (path, b'{"nonsense": 1}')):
                answer = ask(method, asked, content, token=token)
                assert answer.status_code < 500, (method, path)
                assert answer.status_code < 400 or _is_problem(answer), (method, path, answer.content)
                assert INNER.search(answer.content) is None or path.endswith("openapi.json"), (method, path)


def test_h5_a_bug_is_a_500_without_a_word_about_it(db: None, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.security.broken_urls"
    for path in ("/broken", "/api/v1/broken-query"):
        answer = ask("GET", path)
        assert (answer.status_code, _is_problem(answer)) == (500, True)
        assert json_of(answer)["code"] == "internal_error"
        assert SECRET.encode() not in answer.content
        assert INNER.search(answer.content) is None


def test_h5_debug_would_not_help_either(db: None, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.security.broken_urls"
    for path in ("/nothing", "/api/v1/nothing"):
        answer = ask("GET", path)
        assert (answer.status_code, _is_problem(answer)) == (404, True)


CANARY: Final = "canary-7f3a9c1e"
CONTROL: Final = "canary-7f3a9c1e\r\n\x1b[31mFORGED level=critical"


def _everything_with_secrets(token: str) -> list[Any]:
    """Send a secret wherever somebody might, by plan or by mistake, and return the answers."""
    answers = [
        ask("POST", "/api/v1/identity/token", json.dumps(body).encode())
        for body in (
            {"username": "ada", "password": CANARY},
            {"username": CANARY, "password": PASSWORD},
            {"username": "ada", "password": PASSWORD, "otp": CANARY},
            {"username": "ada", "password": {"value": CANARY}},
            {"username": ["ada"], "password": [CANARY]},
        )
    ]
    answers += [
        ask("POST", f"/api/v1/identity/token/{path}", json.dumps(body).encode())
        for path in ("refresh", "revoke")
        for body in ({"refresh": CANARY}, {"refresh": CANARY * 50}, {"refresh": [CANARY]}, {"token": CANARY})
    ]
    answers += [
        ask("GET", "/api/v1/me", headers={"Authorization": f"{scheme}{CANARY}"})
        for scheme in ("Bearer ", "Basic ", "Api-Key ", "")
    ]
    for path, method, operation in operations():
        headers = {"Cookie": f"sessionid={CANARY}", "X-Api-Key": CANARY, "Proxy-Authorization": f"Basic {CANARY}"}
        answers.append(ask(method, f"{path}?token={CANARY}&limit={CANARY}", b"{}", token=token, headers=headers))
        for name in operation.body.__struct_fields__ if operation.body else ():
            wrong = json.dumps({name: {"secret": CANARY}}).encode()
            answers.append(ask(method, path, wrong, token=token))
        answers.append(ask(method, path, CANARY.encode(), token=token))
    return answers


def test_l4_a_secret_comes_back_in_no_answer_and_no_event(world: World, caplog: Any, capfd: Any) -> None:
    token = token_of("ada")
    for answer in _everything_with_secrets(token):
        assert CANARY.encode() not in answer.content
        assert CANARY not in str(dict(answer.items()))
    events = rows("SELECT audit_event::text FROM audit_event", [])
    assert events != []
    assert [event for (event,) in events if CANARY in event or PASSWORD in event or token in event] == []
    assert CANARY not in caplog.text
    out, err = capfd.readouterr()
    assert [secret for secret in (CANARY, PASSWORD, token) if secret in out + err] == []


def test_l4_the_database_keeps_no_token_and_no_password(world: World) -> None:
    signed_in = json_of(
        ask("POST", "/api/v1/identity/token", json.dumps({"username": "ada", "password": PASSWORD}).encode())
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")  # the service itself may not read all of them
    for (table,) in rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", []):
        for (row,) in rows(f'SELECT t::text FROM "{table}" t', []):
            assert [name for name in (PASSWORD, signed_in["access"], signed_in["refresh"]) if name in row] == [], table


@pytest.fixture
def served(committed_db: str, world: World, tmp_path: Path) -> Any:
    variables = {
        "INVENTORY_STAGE": "test",
        "INVENTORY_DATABASE_URL": committed_db,
        "INVENTORY_WORKERS": "1",
        "INVENTORY_LOG_LEVEL": "DEBUG",
    }
    with serving(variables, tmp_path) as server:
        yield server


def test_l4_the_log_of_the_server_has_no_secret_and_cannot_be_forged(served: Shipped, world: World) -> None:
    lines_before = len(served.log.read_bytes().splitlines())
    served.get(f"/api/v1/me?token={CANARY}", {"Authorization": f"Bearer {CANARY}", "Cookie": f"sessionid={CANARY}"})
    served.get("/api/v1/%0d%0a%1b%5b31mFORGED%20level=critical", {"User-Agent": "x"})
    served.get("/livez", {"X-Request-Id": CONTROL.replace("\r\n", " ").replace("\x1b", " ")})
    served.get("/livez", {"X-Forwarded-For": CANARY, "Referer": CANARY})
    lines = served.log.read_bytes().splitlines()[lines_before:]
    said = b"\n".join(lines)
    assert CANARY.encode() not in said
    assert b"\x1b" not in said
    assert [line for line in lines if line.startswith(b"FORGED")] == []
    requests = [json.loads(line) for line in lines if line.startswith(b"{")]
    assert [each["path"] for each in requests if "FORGED" in each["path"]] == [
        "/api/v1/\r\n\x1b[31mFORGED level=critical"
    ]
