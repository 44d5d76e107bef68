"""What one request and one caller may ask for."""

import gzip
import http.client
import json
import resource
import sys
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from msgspec.structs import fields as struct_fields

from apps.common.api import limits
from apps.common.api.limits import Counters, Policy, network_of
from apps.common.db import rows
from apps.identity.models import Provider, User
from apps.identity.tests.keys import key_of
from apps.parties.models import Party
from audit.django.models import AuditEvent
from tests.answers import json_of, refusal
from tests.client import Client
from tests.security.addresses import addresses, operations
from tests.security.asking import ask, token_of
from tests.security.broken_urls import ManyQueries
from tests.security.shipped import serving
from tests.threads import at_once
from tests.world import World

RECEIPT = {"kind": "receipt", "lines": [{"item": "sku:BOLT", "quantity": "1", "to_location": "loc:A1"}]}


@pytest.fixture
def token(world: World) -> str:
    return token_of("ada")


def _posted() -> int:
    return int(rows("SELECT count(*) FROM ledger_transaction", [])[0][0])


def _send(path: str, content: bytes, token: str, **headers: str) -> HttpResponse:
    return ask("POST", f"/api/v1{path}", content, token=token, headers=headers)


def test_h4_a_body_over_its_limit_is_413(token: str, settings: Any) -> None:
    before = AuditEvent.objects.count()
    body = json.dumps({"code": "BIG", "name": "x" * settings.MAX_BODY_BYTES}).encode()
    assert refusal(_send("/parties/parties", body, token)) == (413, "body_too_large", [])
    batch = b'{"items": [' + b" " * settings.BATCH_MAX_BODY_BYTES + b"]}"
    assert refusal(_send("/ledger/transactions/batch", batch, token)) == (413, "body_too_large", [])
    assert AuditEvent.objects.count() == before


@pytest.mark.parametrize("depth", [100, 1_000, 50_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"code":', b"}"), (b'[{"lines":', b"}]")])
def test_h4_a_deep_body_is_400(token: str, depth: int, opening: bytes, closing: bytes) -> None:
    body = opening * depth + b"1" + closing * depth
    for path in ("/parties/parties", "/ledger/transactions"):
        assert _send(path, body, token).status_code == 400


def _depth(kind: Any, above: tuple[Any, ...] = ()) -> int:
    """Return how many braces and brackets a shape has within each other."""
    if kind in above:
        return 100  # a shape within itself
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return 1 + max((_depth(field.type, (*above, kind)) for field in struct_fields(kind)), default=0)
    inner = max((_depth(each, above) for each in get_args(kind)), default=0)
    return inner + (get_origin(kind) in {list, dict, tuple, set})


def test_h4_no_shape_is_deeper_than_20_and_none_takes_what_is() -> None:
    shapes = {operation.body for _, _, operation in operations() if operation.body is not None}
    assert len(shapes) > 20
    assert max(map(_depth, shapes)) <= 20
    # What is deeper than its shape is of another type. Only what an authenticator says has no shape of ours.
    assert {shape.__name__ for shape in shapes if _takes_anything(shape)} == {"NewPasskey", "ShownFactor"}


def test_h4_what_an_authenticator_says_may_be_deep_and_is_refused(token: str) -> None:
    for depth in (21, 900, 5_000):
        deep = b'{"id": "a", "response": ' + b"[" * depth + b"]" * depth + b"}"
        for path, body in (
            ("/identity/factors/passkeys", b'{"name": "Key", "challenge": "a", "credential": %s}' % deep),
            ("/identity/token/second-factor", b'{"challenge": "a", "method": "hwk", "credential": %s}' % deep),
        ):
            assert 400 <= _send(path, body, token).status_code < 500, (path, depth)


def _takes_anything(kind: Any) -> bool:
    if kind is Any or kind is object:
        return True
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return any(_takes_anything(field.type) for field in struct_fields(kind))
    return any(map(_takes_anything, get_args(kind)))


@pytest.mark.parametrize("depth", [21, 200, 960, 5_000])
def test_h4_a_deep_body_of_scim_is_400(world: World, depth: int) -> None:
    Provider.objects.filter(code="local").update(scim_client_id=world.users["ada"])
    token = key_of(User.objects.get(username="ada"), "identity.scim")
    body = b'{"userName": "new", "x": ' + b"[" * depth + b"]" * depth + b"}"
    for method, path in (("POST", "/Users"), ("POST", "/Groups"), ("POST", "/.search"), ("PUT", "/Users/1")):
        answer = ask(method, f"/scim/v2{path}", body, token=token)
        assert (answer.status_code, json_of(answer)["scimType"]) == (400, "invalidValue")
    assert User.objects.filter(username="new").count() == 0


def test_h4_a_body_with_many_fields_is_400_and_names_no_more_than_1000(token: str) -> None:
    body = msgspec.json.encode({f"field{number}": 1 for number in range(20_000)})
    status, _, problems = refusal(_send("/parties/parties", body, token))
    assert (status, len(problems)) == (400, 1000)


def test_h4_a_compressed_body_is_not_unpacked(token: str) -> None:
    answer = _send("/parties/parties", b"\x1f\x8b\x08\x00" + b"\x00" * 100, token, **{"Content-Encoding": "gzip"})
    assert answer.status_code == 400


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/xml"])
def test_h4_other_kinds_of_bodies_are_415(token: str, kind: str) -> None:
    answer = _send("/parties/parties", b"--x\r\n" * 10_000, token, **{"Content-Type": kind})
    assert refusal(answer)[:2] == (415, "unsupported_media_type")


@pytest.mark.parametrize("limit", ["0", "201", "1000000", "-1", "9" * 400, "1e3"])
def test_h4_a_page_has_at_most_200_rows(api: Client, limit: str) -> None:
    assert refusal(api.get("/catalog/items", limit=limit)) == (400, "invalid", [("?limit", "invalid")])


def test_h4_a_batch_has_at_most_1000_transactions(api: Client) -> None:
    before = _posted()
    answer = api.post("/ledger/transactions/batch", {"items": [RECEIPT] * 1001})
    assert refusal(answer) == (400, "invalid", [("#/items", "invalid")])
    assert _posted() == before


def test_h4_a_statement_that_takes_too_long_is_ended(api: Client) -> None:
    (timeout,) = rows("SHOW statement_timeout", [])[0]
    assert timeout == "10s"
    (idle,) = rows("SHOW lock_timeout", [])[0]
    assert idle == "5s"


def test_h4_an_ended_statement_is_a_503_that_may_be_tried_again(settings: Any, db: None) -> None:
    settings.ROOT_URLCONF = "tests.security.broken_urls"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 50")
    answer = ask("GET", "/api/v1/slow-query")
    assert refusal(answer) == (503, "busy", [])
    assert answer["Retry-After"] == "1"


def test_h4_a_request_that_asks_for_too_long_is_a_503_and_undone(settings: Any, db: None) -> None:
    settings.ROOT_URLCONF = "tests.security.broken_urls"
    ManyQueries.asked.clear()
    answer = ask("GET", "/api/v1/many-queries")
    assert refusal(answer) == (503, "busy", [])
    assert answer["Retry-After"] == "1"
    # The first statement began in time and was let finish; no further one was begun.
    assert ManyQueries.asked in ([], [0])
    assert Party.objects.count() == 0


def test_h4_every_operation_has_ten_seconds_but_those_that_read_everything() -> None:
    ours = {address.endpoint for address in addresses() if address.endpoint is not None}
    longer = {endpoint.__name__ for endpoint in ours if endpoint.deadline_seconds != 10}
    assert longer == {"Integrity", "Verification", "EventProof"}


def test_h4_a_quota_is_let_through_and_no_more() -> None:
    counters = Counters(Policy(name="test", quota=3))
    first = [counters.take("a", now=100.0) for _ in range(5)]
    assert [verdict.is_allowed for verdict in first] == [True, True, True, False, False]
    assert [verdict.remaining for verdict in first] == [2, 1, 0, 0, 0]
    assert [(verdict.reset, verdict.wait) for verdict in first[2:4]] == [(60, 0), (60, 20)]
    assert counters.take("b", now=100.0).is_allowed
    assert not counters.take("a", now=119.9).is_allowed
    assert counters.take("a", now=120.0).is_allowed
    assert counters.take("a", now=10_000.0).remaining == 2


def test_h4_a_quota_holds_for_many_threads_at_once() -> None:
    counters = Counters(Policy(name="test", quota=100))
    verdicts = at_once(8, lambda _: [counters.take("a", now=5.0).is_allowed for _ in range(50)])
    assert sum(map(sum, verdicts)) == 100


def test_h4_the_counters_keep_to_their_size() -> None:
    counters = Counters(Policy(name="test", quota=3), most_keys=100)
    for number in range(1000):
        counters.take(str(number), now=1.0)
    assert len(counters) <= 101


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::2", "2001:db8::/64"),
        (None, ""),
    ],
)
def test_h4_addresses_of_one_customer_are_counted_together(address: str | None, network: str) -> None:
    assert network_of(address) == network


def test_h4_a_network_over_its_quota_is_429_whoever_it_says_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_networks", Counters(Policy(name="network", quota=2)))
    before = len(connection.queries_log)
    answers = [
        ask("GET", "/api/v1/me", headers={"X-Forwarded-For": f"203.0.113.{number}"}, REMOTE_ADDR="192.0.2.1")
        for number in range(3)
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert refusal(answers[2]) == (429, "throttled", [])
    assert (answers[0]["RateLimit-Policy"], answers[0]["RateLimit"]) == ('"network";q=2;w=60', '"network";r=1;t=30')
    assert answers[2]["RateLimit"].startswith('"network";r=0;t=')
    assert answers[2]["Retry-After"] == "30"
    assert len(connection.queries_log) == before
    assert ask("GET", "/livez", REMOTE_ADDR="192.0.2.1").status_code == 200
    assert ask("GET", "/api/v1/me", REMOTE_ADDR="192.0.2.2").status_code == 401


def test_h4_a_principal_over_its_quota_is_429_from_any_network(
    api: Client, as_user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_principals", Counters(Policy(name="principal", quota=2)))
    vera = as_user("vera")
    before = _posted()
    assert [api.get("/me").status_code for _ in range(2)] == [200, 200]
    refused = api.post("/ledger/transactions", RECEIPT)
    assert refusal(refused) == (429, "throttled", [])
    assert '"principal";r=0;t=60' in refused["RateLimit"]
    assert '"principal";q=2;w=60' in refused["RateLimit-Policy"]
    assert 29 <= int(refused["Retry-After"]) <= 31
    assert (_posted(), vera.get("/me").status_code) == (before, 200)
    assert json_of(vera.get("/me"))["username"] == "vera"


def test_h4_a_policy_of_a_view_is_told_beside_ours() -> None:
    def view(_: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"RateLimit": '"sign-in";r=1;t=1', "RateLimit-Policy": '"sign-in";q=1;w=1'})

    answer = limits.RateLimit(view)(RequestFactory().get("/api/v1/me"))
    assert answer["RateLimit"].startswith('"sign-in";r=1;t=1, "network";r=')
    assert answer["RateLimit-Policy"].startswith('"sign-in";q=1;w=1, "network";q=')


def _resident(pid: int) -> int:
    """Return the resident bytes of a process and of all that it began."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return pages * resource.getpagesize() + sum(_resident(int(child)) for child in children)


def _sent(port: int, headers: dict[str, str], body: bytes) -> int:
    """Return the status of a POST; 0 where the server hung up before it had read all."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        client.request("POST", "/api/v1/identity/token", body, {"Content-Type": "application/json", **headers})
        return client.getresponse().status
    except OSError:
        return 0
    finally:
        client.close()


# Each is refused; none may make the process grow by more than what one body may be.
HUNGRY: dict[str, tuple[dict[str, str], bytes]] = {
    "32 MiB": ({}, b'{"username": "' + b"a" * (32 << 20) + b'"}'),
    "deep": ({}, b"[" * (1 << 20)),
    "deep and whole": ({}, b"[" * (1 << 19) + b"]" * (1 << 19)),
    "many fields": ({}, b"{%s}" % b",".join(b'"%d":1' % number for number in range(80_000))),
    "one field again": ({}, b"{%s}" % b",".join([b'"username":"a"'] * 60_000)),
    "a bomb": ({"Content-Encoding": "gzip"}, gzip.compress(bytes(256 << 20), 9)),
    "many parts": ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\n\r\na\r\n" * 80_000),
    "many values": ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=1&" * 250_000),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is read from /proc")
def test_h4_hungry_requests_leave_the_server_as_small_as_it_was(committed_db: str, tmp_path: Path) -> None:
    variables = {"INVENTORY_STAGE": "test", "INVENTORY_DATABASE_URL": committed_db, "INVENTORY_WORKERS": "1"}
    with serving(variables, tmp_path) as server:
        for _ in range(20):
            assert _sent(server.port, {}, b'{"username": 1}') == 400
        before = _resident(server.process.pid)
        for name, (headers, body) in HUNGRY.items():
            answered = {_sent(server.port, headers, body) for _ in range(4)}
            assert answered <= {0, 400, 413, 415}, name
        assert _resident(server.process.pid) - before < 50 << 20
