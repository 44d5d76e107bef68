"""Refused requests are told of, each counted once, and at a rate that no stranger can raise."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection

from audit import AUTHENTICATION_FAILED, AUTHORIZATION_FAILED, Origin, Refusal
from audit.django.models import AuditEvent, RefusalCount
from audit.django.refusals import MOST_COUNTED, count_refusal, tell_of_refusals

AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
ADA, ACCOUNT, SESSION = (UUID(int=n) for n in (1, 2, 3))
NOBODY = Origin(actor_id=None, at=AT, request_id="request-1", ip="192.0.2.1")
WRONG = Refusal(
    action=AUTHENTICATION_FAILED,
    operation="sign_in",
    status=401,
    code="sign_in_refused",
    reason="wrong_password",
    account_id=ACCOUNT,
)


@pytest.mark.django_db
def test_l5_what_is_refused_alike_becomes_one_event_with_its_number() -> None:
    for seconds in (0, 2, 1):
        count_refusal(WRONG, origin=replace(NOBODY, at=AT + timedelta(seconds=seconds), request_id=f"r-{seconds}"))

    assert tell_of_refusals(most=10) == 1

    event = AuditEvent.objects.get()
    assert (event.action, event.object_type, event.object_id) == ("authentication.failed", "operation", "sign_in")
    assert (event.occurred_at, event.request_id, event.ip, event.reason) == (AT, "r-0", "192.0.2.1", "wrong_password")
    assert (event.actor_id, event.before) == (None, None)
    assert event.after == {
        "status": 401,
        "code": "sign_in_refused",
        "count": 3,
        "account": str(ACCOUNT),
        "last_at": "2026-11-23T10:30:02.000000Z",
    }
    assert tell_of_refusals(most=10) == 0


@pytest.mark.django_db
def test_l5_whoever_differs_is_told_of_apart_and_in_order() -> None:
    denied = replace(WRONG, action=AUTHORIZATION_FAILED, status=403, code="permission_denied", account_id=None)
    origins = [
        NOBODY,
        replace(NOBODY, ip="192.0.2.2"),
        replace(NOBODY, actor_id=ADA),
        replace(NOBODY, actor_id=ADA, session_id=SESSION),
    ]
    for seconds, origin in enumerate(origins):
        count_refusal(denied, origin=replace(origin, at=AT + timedelta(seconds=seconds)))

    assert (tell_of_refusals(most=3), tell_of_refusals(most=0), tell_of_refusals(most=3)) == (3, 0, 1)

    told = AuditEvent.objects.order_by("seq").values_list("ip", "actor_id", "session_id")
    assert list(told) == [
        ("192.0.2.1", None, None),
        ("192.0.2.2", None, None),
        ("192.0.2.1", ADA, None),
        ("192.0.2.1", ADA, SESSION),
    ]


@pytest.mark.django_db
def test_l5_a_stranger_with_many_addresses_makes_a_number_grow_and_no_table() -> None:
    for n in range(MOST_COUNTED + 200):
        count_refusal(WRONG, origin=replace(NOBODY, ip=f"2001:db8::{n:x}"))
    count_refusal(WRONG, origin=replace(NOBODY, ip="2001:db8::0"))  # this one has its row

    assert RefusalCount.objects.count() == MOST_COUNTED + 1
    common = RefusalCount.objects.get(ip=None)
    assert (common.count, common.operation, common.account_id, common.reason) == (200, "many", None, "wrong_password")
    assert RefusalCount.objects.get(ip="2001:db8::").count == 2


def test_l5_of_many_at_once_each_is_counted_and_told_of_once(committed: str) -> None:
    del committed

    def refuse(_: int) -> None:
        try:
            count_refusal(WRONG, origin=NOBODY)
            tell_of_refusals(most=5)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(refuse, range(100)))
    tell_of_refusals(most=5)

    events = AuditEvent.objects.values_list("after", flat=True)
    assert sum(after["count"] for after in events if after) == 100
