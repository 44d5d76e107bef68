"""How often somebody may try."""

import hashlib
from datetime import datetime, timedelta
from itertools import count

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.identity.actions import SignInRefused, TooManyTries, sign_in
from apps.identity.actions.second_factor import OPTIONS
from apps.identity.actions.throttle import network_of
from apps.identity.models import Session, Throttle, User
from apps.identity.tests.authenticator import Authenticator
from apps.identity.tests.test_second_factors import challenge_in, with_passkey
from apps.identity.tests.test_second_factors import sign_in as sign_in_here
from audit import Origin
from tests.answers import json_of, refusal
from tests.client import Client
from tests.threads import at_once
from tests.world import PASSWORD, World

WRONG = "wrong"
HOME, ELSEWHERE = "192.0.2.7", "198.51.100.9"


def attempt(*, ip: str, at: datetime, username: str = "ada", password: str = WRONG) -> str:
    origin = Origin(actor_id=None, at=at, request_id="test", ip=ip)
    try:
        sign_in(username=username, password=password, origin=origin)
    except SignInRefused:
        return "wrong"
    except TooManyTries as error:
        return f"wait {error.retry_after_seconds}"
    return "in"


@pytest.mark.usefixtures("committed_db", "world")
def test_p4_of_100_tries_from_50_threads_no_more_than_the_limit_come_through() -> None:
    at = timezone.now()

    said = at_once(50, lambda _: [attempt(ip=HOME, at=at) for _ in range(2)])

    assert sorted(each for pair in said for each in pair) == ["wait 30"] * 95 + ["wrong"] * 5
    assert attempt(ip=HOME, at=at, username="ADA", password=PASSWORD) == "wait 30"
    assert Session.objects.count() == 0


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("ip", ["::ffff:192.0.2.7", "::ffff:c000:207"])
def test_p4_an_address_of_ipv4_is_one_however_it_is_spelled(ip: str) -> None:
    """A socket for both families spells IPv4 so; all of it would share the tries of one network of IPv6."""
    answer = APIClient(REMOTE_ADDR=ip).post(
        "/api/v1/identity/token", {"username": "ada", "password": PASSWORD}, format="json"
    )

    assert answer.status_code == 200
    assert (Session.objects.get().ip, network_of(Session.objects.get().ip)) == (HOME, "192.0.2.0/24")


def test_p4_questions_what_a_passkey_signs_are_counted(api: Client) -> None:
    with_passkey(api, Authenticator())
    body = {"challenge": challenge_in(sign_in_here())}
    path = "/identity/second-factor/passkey"
    assert Client("").post(path, body).status_code == 200
    digest = hashlib.sha256(b"passkey-options\0network\x00127.0.0.0/24").digest()
    assert Throttle.objects.filter(digest=digest).update(tries=OPTIONS - 1) == 1

    assert [Client("").post(path, body).status_code for _ in range(2)] == [200, 429]


@pytest.mark.usefixtures("world")
def test_p4_each_further_try_costs_twice_the_wait_up_to_a_quarter_of_an_hour() -> None:
    at = timezone.now()
    waits = []
    for _ in range(5):
        assert attempt(ip=HOME, at=at) == "wrong"
    for _ in range(7):
        said = attempt(ip=HOME, at=at)
        waits.append(int(said.removeprefix("wait ")))
        at += timedelta(seconds=waits[-1])
        assert attempt(ip=HOME, at=at) == "wrong"
    assert waits == [30, 60, 120, 240, 480, 900, 900]
    assert attempt(ip=HOME, at=at + timedelta(seconds=900), password=PASSWORD) == "in"
    assert [attempt(ip=HOME, at=at + timedelta(seconds=901)) for _ in range(5)] == ["wrong"] * 5


@pytest.mark.usefixtures("world")
def test_p4_a_refused_try_prolongs_nothing() -> None:
    at = timezone.now()
    for _ in range(5):
        attempt(ip=HOME, at=at)
    rows = list(Throttle.objects.order_by("digest").values())

    assert [attempt(ip=HOME, at=at + timedelta(seconds=s)) for s in (1, 20)] == ["wait 29", "wait 10"]

    assert list(Throttle.objects.order_by("digest").values()) == rows


@pytest.mark.usefixtures("world")
def test_p4_strangers_do_not_lock_out_the_owner_where_they_were_before() -> None:
    at = timezone.now()
    assert attempt(ip=HOME, at=at, password=PASSWORD) == "in"
    numbers = count(1)

    said = [attempt(ip=f"203.0.{next(numbers)}.1", at=at) for _ in range(30)]

    assert said == ["wrong"] * 20 + ["wait 30"] * 10
    assert attempt(ip=ELSEWHERE, at=at, password=PASSWORD) == "wait 30"
    assert attempt(ip=HOME, at=at, password=PASSWORD) == "in"


@pytest.mark.usefixtures("world")
def test_p4_a_network_that_tries_many_accounts_is_slowed_down() -> None:
    at = timezone.now()
    said = [attempt(ip=HOME, at=at, username=f"user{n}") for n in range(102)]

    assert said == ["wrong"] * 100 + ["wait 30"] * 2
    assert attempt(ip=HOME, at=at, password=PASSWORD) == "wait 30"
    assert attempt(ip=ELSEWHERE, at=at, password=PASSWORD) == "in"


@pytest.mark.usefixtures("world")
def test_p4_a_success_costs_the_network_nothing() -> None:
    at = timezone.now()
    assert [attempt(ip=HOME, at=at, password=PASSWORD) for _ in range(120)] == ["in"] * 120


def test_p4_answers_say_how_many_tries_are_left(world: World) -> None:
    answers = [Client("").post("/identity/token", {"username": "ada", "password": "wrong"}) for _ in range(6)]

    # Beside the limit of the network, which all requests share.
    told = [answer["RateLimit"].split(", ") for answer in answers[:5]]
    assert [of_sign_in for of_sign_in, _of_network in told] == [
        *(f'"sign-in";r={left};t=3600' for left in (4, 3, 2, 1)),
        '"sign-in";r=0;t=30',
    ]
    assert {answer["RateLimit-Policy"].split(", ")[0] for answer in answers} == {'"sign-in";q=5;w=3600'}
    assert refusal(answers[5]) == (429, "too_many_tries", [])
    assert 1 <= int(answers[5]["Retry-After"]) <= 30
    fine = Client("").post("/identity/token", {"username": "vera", "password": PASSWORD})
    assert (fine.status_code, fine["RateLimit"].split(", ")[0]) == (200, '"sign-in";r=5;t=0')
    assert "access" in json_of(fine)


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("spoofed", ""),
        (None, ""),
    ],
)
def test_a_network_is_what_one_customer_has(ip: str | None, network: str) -> None:
    assert network_of(ip) == network


@pytest.mark.usefixtures("world")
def test_p4_a_try_whose_clock_is_a_little_behind_is_not_refused() -> None:
    at = timezone.now()

    assert attempt(ip=HOME, at=at) == "wrong"
    assert attempt(ip=HOME, at=at - timedelta(seconds=1)) == "wrong"
    assert attempt(ip=HOME, at=at, password=PASSWORD) == "in"
    assert attempt(ip=HOME, at=at - timedelta(seconds=1), password=PASSWORD) == "in"


def test_p4_another_spelling_of_a_name_is_the_same_account(world: World) -> None:
    user = User.objects.create(username="sisi", password=User.objects.get(username="ada").password)
    at = timezone.now()

    # U+017F and U+0131 are S and I in capitals, which is how names are compared.
    said = [attempt(ip=HOME, at=at, username=name) for name in ("sisi", "SISI", "\u017fisi", "s\u0131si", "sIsI")]

    assert said == ["wrong"] * 5
    for name in ("sisi", "\u017f\u0131\u017f\u0131"):
        assert attempt(ip=HOME, at=at, username=name, password=PASSWORD) == "wait 30"
    assert Session.objects.filter(user=user).count() == 0


@pytest.mark.usefixtures("world")
def test_p4_what_was_counted_an_hour_ago_is_swept_away() -> None:
    at = timezone.now()
    for number in range(4):
        attempt(ip=HOME, at=at - timedelta(hours=2), username=f"made-up-{number}")
    assert Throttle.objects.count() == 9

    attempt(ip=ELSEWHERE, at=at)

    assert Throttle.objects.count() == 3
