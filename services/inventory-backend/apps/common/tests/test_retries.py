"""I10: one effect for each idempotency key."""

import hashlib
import time
from uuid import uuid4

import pytest

from apps.common.errors import Conflict, KeyReused
from apps.common.models import RetriedRequest
from apps.common.retries import Answer, once
from tests.threads import at_once

BODY, OTHER = hashlib.sha256(b"{}").digest(), hashlib.sha256(b"[]").digest()


def _answer() -> Answer:
    return Answer(status=201, body=str(uuid4()).encode(), headers={"ETag": '"v1"'})


@pytest.mark.usefixtures("committed_db")
def test_b1_I10_the_same_key_20_times_at_once_has_one_effect_and_one_answer() -> None:
    effects: list[int] = []

    def client(number: int) -> Answer:
        def act() -> Answer:
            effects.append(number)
            time.sleep(0.1)  # long enough for all the others to arrive
            return _answer()

        return once(key="k", scope="ada POST /x", fingerprint=BODY, act=act)

    answers = at_once(20, client)
    assert len(effects) == 1
    assert len({(answer.status, answer.body, answer.headers["ETag"]) for answer in answers}) == 1
    assert [answer.is_replayed for answer in answers].count(False) == 1


@pytest.mark.django_db
def test_b1_I10_the_key_with_another_body_is_refused_and_has_no_effect() -> None:
    first = once(key="k", scope="s", fingerprint=BODY, act=_answer)
    with pytest.raises(KeyReused):
        once(key="k", scope="s", fingerprint=OTHER, act=_answer)
    assert once(key="k", scope="s", fingerprint=BODY, act=_answer).body == first.body
    assert RetriedRequest.objects.count() == 1


@pytest.mark.django_db
def test_b1_I10_keys_of_other_scopes_are_other_keys() -> None:
    bodies = {once(key="k", scope=scope, fingerprint=BODY, act=_answer).body for scope in ("a", "b")}
    assert len(bodies) == 2


@pytest.mark.django_db
def test_b1_I10_a_refusal_leaves_the_key_unused() -> None:
    def refuse() -> Answer:
        raise Conflict("No.")

    with pytest.raises(Conflict):
        once(key="k", scope="s", fingerprint=BODY, act=refuse)
    assert RetriedRequest.objects.count() == 0
    assert once(key="k", scope="s", fingerprint=OTHER, act=_answer).is_replayed is False
