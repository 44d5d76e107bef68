"""What is sent: unknown fields, look-ups that were never offered, and values that no schema foresaw."""

import json
from collections.abc import Iterator
from itertools import islice, product
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from django.apps import apps
from msgspec.structs import fields as struct_fields

from apps.common.api.endpoint import Operation
from audit.django.models import AuditEvent
from tests.answers import json_of, refusal
from tests.security.addresses import operations
from tests.security.asking import ask, token_of
from tests.world import World

# Never anybody's to set, whatever the model calls its columns.
PRIVILEGED: Final = (
    *("is_superuser", "is_staff", "is_active", "is_builtin", "permissions", "roles", "role", "grants", "password"),
    *("tenant", "created_by", "actor_id", "balance", "on_hand", "available", "sequence", "number", "recorded_at"),
    *("__class__", "__proto__", "constructor", "pk", "_state", "objects"),
)
# What a browser of ours says, and bearer routes ignore.
OWN: Final = {"Origin": "http://testserver"}
LOOKUPS: Final = (
    *("exact", "iexact", "contains", "icontains", "in", "gt", "lt", "startswith", "endswith", "regex", "iregex"),
    *("isnull", "range", "year", "date", "search", "trigram_similar", "equals_any", "pk", "id"),
)
COLUMNS: Final = (
    *("user__password", "created_by__password", "x__user__password", "item__refs__item__sku", "parent__parent__code"),
    *("refs__system", "location__closure__ancestor", "version", "archived_at", "password"),
)
ODD: Final = (
    *("_connector", "_negated", "_connector=OR 1=1", "OR", "1=1", "'", '"', ";--", "a' OR 'a'='a", "*", "**", "%"),
    *("__", "__class__", "__class__.__mro__", "pk__in", "id__in", "filter", "order_by", "ordering", "search", "page"),
    *("page_size", "offset", "format", "callback", "include", "fields[]", "sort[]", "limit.", "cursor\x00", "\x00"),
    *("é", "\u202elimit", "limit ", " limit", "LIMIT", "..", "../..", "{}", "${7*7}", "{{7*7}}", "%s", "%(x)s"),
)


@pytest.fixture
def token(world: World) -> str:
    return token_of("ada")


def _names(kind: Any) -> set[str]:
    return {field.encode_name for field in struct_fields(kind)}


def test_a5_no_body_takes_a_field_that_it_does_not_declare(token: str) -> None:
    columns = {field.name for model in apps.get_models() for field in model._meta.get_fields()}  # noqa: SLF001  (Django's public name)
    before, tried = AuditEvent.objects.count(), 0
    for path, method, operation in operations():
        if operation.body is None:
            continue
        foreign = sorted({*columns, *PRIVILEGED} - _names(operation.body))
        answer = ask(method, path, json.dumps(dict.fromkeys(foreign, 1)).encode(), token=token, headers=OWN)
        status, _, problems = refusal(answer)
        named = {pointer for pointer, code in problems if code == "unknown_parameter"}
        assert (status, {f"#/{name}" for name in foreign} - named) == (400, set()), (method, path)
        tried += len(foreign)
    assert tried > 1_000
    assert AuditEvent.objects.count() == before


def test_a5_privileged_fields_are_refused_in_a_body_that_is_right_otherwise(token: str) -> None:
    for name in PRIVILEGED:
        body = {"code": "ACME", "name": "Acme", name: 1}
        answer = ask("POST", "/api/v1/parties/parties", json.dumps(body).encode(), token=token)
        assert refusal(answer) == (400, "unknown_parameter", [(f"#/{name}", "unknown_parameter")])


def _lists() -> list[tuple[str, Operation]]:
    return [
        (path, operation)
        for path, method, operation in operations()
        if method == "GET" and operation.query is not None and "limit" in _names(operation.query)
    ]


def _lookups() -> list[str]:
    return [*ODD, *(f"{column}__{lookup}" for column, lookup in product(COLUMNS, LOOKUPS))][:200]


def test_a8_no_list_takes_a_look_up_that_it_does_not_offer(token: str) -> None:
    assert len(set(_lookups())) == 200
    assert len(_lists()) >= 11
    for path, operation in _lists():
        assert operation.query is not None
        names = [name for name in _lookups() if name not in _names(operation.query)]
        answer = ask("GET", f"{path}?{urlencode(dict.fromkeys(names, 'a'))}", token=token)
        status, code, problems = refusal(answer)
        assert (status, code, len(problems)) == (400, "unknown_parameter", len(names)), path


def test_a8_no_list_sorts_or_expands_by_what_it_does_not_offer(token: str) -> None:
    for path, operation in _lists():
        assert operation.query is not None
        parameters = {"sort", "expand", "fields"} & _names(operation.query)
        for name, value in product(sorted(parameters), (*COLUMNS, "-password", "?", "id;--", "code,password")):
            if operation.listing and {*operation.listing.sorts, *_names(operation.listing.kind)} >= set(
                value.split(",")
            ):
                continue
            answer = ask("GET", f"{path}?{urlencode({name: value})}", token=token)
            # Without a row there is nothing to expand or to leave out: then the value means nothing.
            is_moot = answer.status_code == 404 or (answer.status_code == 200 and json_of(answer)["results"] == [])
            assert (is_moot and name != "sort") or refusal(answer)[0] in {400, 404}, (path, name, value)


HOSTILE: Final[tuple[str, ...]] = (
    *("\x00", "a\x00b", "\r\nSet-Cookie: a=b", "\x1b[31m", "\u202e", "\ufeff", "\U0010ffff", "é" * 5, "x" * 10_000),
    *("2147483647", "2147483648", "-2147483649", "9223372036854775807", "9223372036854775808", "-9223372036854775809"),
    *("NaN", "Infinity", "-Infinity", "1e999999999", "1e400", "1" * 400, "-0", "0x10", "1_000", "٣", "0.0000000001"),
    *("0001-01-01", "9999-12-31", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "10000-01-01T00:00:00Z"),
    *("2026-02-30", "2026-06-30T23:59:60Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "now", "null"),
    *("true", "[]", "{}", "''", "' OR 1=1 --", "$$", "%", "%%", "_", "\\", "../../etc/passwd", "http://[::1", "::1"),
    *("sku:", ":", "sku:\x00", "ext::", "ext:a:", "ext:" + "a" * 300 + ":b", "loc:A1,loc:B1"),
)
CASES: Final = 10_000
# As JSON: what a string of Python cannot say.
RAW: Final[tuple[bytes, ...]] = (
    *(b"null", b"true", b"0", b"-0", b"-0.0", b"1e400", b"-1e400", b"1e999999999", b"9" * 400, b"1.5", b"[]", b"{}"),
    *(b"NaN", b"Infinity", b'"\\ud800"', b'"\\udfff\\ud800"', b'"\\u0000"', b'"\xff"', b'"\xed\xa0\x80"', b"[[[[]]]]"),
    *(b'""', b'" "', b"[null]", b'[{"":""}]', b"9223372036854775808", b"-9223372036854775809", b"2147483648"),
)


def _hostile_requests() -> Iterator[tuple[str, str, bytes]]:
    values = [*(json.dumps(value).encode() for value in HOSTILE), *RAW]
    for path, method, operation in operations():
        for value in HOSTILE:
            if "00000000-0000" in path:
                yield method, path.replace("00000000-0000-7000-8000-000000000000", urlencode({"": value})[1:], 1), b"{}"
            for name in sorted(_names(operation.parameters)):
                yield method, f"{path}?{urlencode({name: value})}", b"{}"
        for name, raw in product(sorted(_names(operation.body)) if operation.body else (), values):
            yield method, path, b'{"%s": %s}' % (name.encode(), raw)
        if operation.body:
            yield from ((method, path, raw) for raw in values)


def test_b4_hostile_values_are_never_a_5xx(token: str) -> None:
    requests, failed = list(_hostile_requests()), []
    for number in range(CASES):
        # As many as are asked for, evenly from all of them: every operation, field and value has its share.
        method, path, content = requests[number * len(requests) // CASES]
        answer = ask(method, path, content, token=token)
        if answer.status_code >= 500:
            failed.append((method, path[:200], content[:200], answer.status_code))
    assert failed == []
    assert len(requests) >= CASES


@pytest.mark.parametrize(
    "header", ["Idempotency-Key", "If-Match", "Accept", "X-Request-Id", "Authorization", "traceparent"]
)
def test_b4_hostile_headers_are_never_a_5xx(token: str, header: str) -> None:
    for value in HOSTILE:
        sent = value.replace("\x00", "").encode("utf-8").decode("latin-1")
        answer = ask("POST", "/api/v1/catalog/items/sku:BOLT/archive", b"", token=token, headers={header: sent})
        assert answer.status_code < 500, value
        assert list(islice((line for line in answer.headers if "\n" in answer[line]), 1)) == []
