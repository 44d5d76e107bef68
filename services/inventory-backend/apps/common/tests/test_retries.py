"""I10: one effect for each idempotency key."""

import hashlib
import time
from collections.abc import Sequence
from threading import Event
from uuid import uuid4

import pytest

from apps.common.errors import Conflict, KeyReused
from apps.common.models import RetriedRequest
from apps.common.retries import Answer, Claim, once, once_each
from tests.threads import at_once

BODY, OTHER = hashlib.sha256(b"{}").digest(), hashlib.sha256(b"[]").digest()


def _claim(scope: str, fingerprint: bytes) -> Claim:
    return Claim.of(key="k", scope=scope, fingerprint=fingerprint)


def _answer() -> Answer:
    return Answer(status=201, body=str(uuid4()).encode(), headers={"ETag": '"v1"'})


@pytest.mark.usefixtures("committed_db")
def test_I10_the_same_key_20_times_at_once_has_one_effect_and_one_answer() -> None:
    effects: list[int] = []

    def client(number: int) -> Answer:
        def act() -> Answer:
            effects.append(number)
            time.sleep(0.1)  # long enough for all the others to arrive
            return _answer()

        return once(_claim("ada POST /x", BODY), act)

    answers = at_once(20, client)
    assert len(effects) == 1
    assert len({(answer.status, answer.body, answer.headers["ETag"]) for answer in answers}) == 1
    assert [answer.is_replayed for answer in answers].count(False) == 1


@pytest.mark.django_db
def test_I10_the_key_with_another_body_is_refused_and_has_no_effect() -> None:
    first = once(_claim("s", BODY), _answer)
    with pytest.raises(KeyReused):
        once(_claim("s", OTHER), _answer)
    assert once(_claim("s", BODY), _answer).body == first.body
    assert RetriedRequest.objects.count() == 1


@pytest.mark.django_db
def test_I10_keys_of_other_scopes_are_other_keys() -> None:
    bodies = {once(_claim(scope, BODY), _answer).body for scope in ("a", "b")}
    assert len(bodies) == 2


@pytest.mark.django_db
def test_I10_a_refusal_leaves_the_key_unused() -> None:
    def refuse() -> Answer:
        raise Conflict("No.")

    with pytest.raises(Conflict):
        once(_claim("s", BODY), refuse)
    assert RetriedRequest.objects.count() == 0
    assert once(_claim("s", OTHER), _answer).is_replayed is False


def _claims(*keys: str) -> list[Claim]:
    return [Claim.of(key=key, scope="s", fingerprint=BODY) for key in keys]


@pytest.mark.django_db
def test_I10_requests_that_go_together_have_one_effect_and_one_answer_each() -> None:
    acted: list[Sequence[int]] = []

    def act(indexes: Sequence[int]) -> list[Answer | None]:
        acted.append(list(indexes))
        return [_answer() for _ in indexes]

    known = once(_claims("a")[0], _answer)
    first = once_each(_claims("a", "b", "c", "b"), act)
    assert acted == [[1, 2]]
    assert first[0] is not None
    assert (first[0].is_replayed, first[0].body) == (True, known.body)
    assert first[3] is None, "the same key twice: the second waits for the answer of the first"
    again = once_each(_claims("a", "b", "c"), act)
    assert acted == [[1, 2], []]
    assert [(one.body, one.is_replayed) for one in again if one] == [
        (one.body, True) for one in first if one is not None
    ]
    assert RetriedRequest.objects.count() == 3


@pytest.mark.django_db
def test_I10_a_key_with_another_body_has_to_go_alone_and_has_no_effect() -> None:
    once(_claims("a")[0], _answer)
    other = Claim.of(key="a", scope="s", fingerprint=OTHER)
    assert once_each([other], lambda indexes: [_answer() for _ in indexes]) == [None]
    assert RetriedRequest.objects.count() == 1


@pytest.mark.django_db
def test_I10_what_did_not_happen_leaves_its_key_unused() -> None:
    answers = once_each(_claims("a", "b"), lambda _: [None, _answer()])
    assert [answer is None for answer in answers] == [True, False]
    assert RetriedRequest.objects.count() == 1
    assert once(_claims("a")[0], _answer).is_replayed is False


@pytest.mark.usefixtures("committed_db")
def test_I10_a_key_that_a_rival_holds_is_not_waited_for() -> None:
    has_begun, may_end = Event(), Event()

    def slow() -> Answer:
        has_begun.set()
        assert may_end.wait(timeout=30)
        return _answer()

    def client(number: int) -> Sequence[Answer | None]:
        if number == 0:
            return [once(_claims("a")[0], slow)]
        assert has_begun.wait(timeout=30)
        try:
            return once_each(_claims("a", "b"), lambda indexes: [_answer() for _ in indexes])
        finally:
            may_end.set()

    alone, together = at_once(2, client)
    assert together[0] is None
    assert [alone[0] is not None, together[1] is not None] == [True, True]
    assert RetriedRequest.objects.count() == 2
