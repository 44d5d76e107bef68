"""Second factors: set up, asked for on every way to a session, and used once."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone

from apps.identity import totp
from apps.identity.actions import SecondFactorRequired, begin_browser_session, begin_session
from apps.identity.models import Passkey, RecoveryCode, Session, SpentChallenge, Totp, User
from apps.identity.tests.authenticator import Authenticator
from audit import Origin
from audit.django.models import AuditEvent
from tests.answers import json_of, refusal
from tests.client import Client
from tests.threads import at_once
from tests.world import PASSWORD, World

ANYBODY = Client("")
OWN = {"Origin": "http://testserver"}


def sign_in(path: str = "/identity/token", username: str = "ada") -> HttpResponse:
    return ANYBODY.post(path, {"username": username, "password": PASSWORD}, headers=OWN)


def challenge_in(answer: HttpResponse) -> str:
    body = json_of(answer)
    assert (answer.status_code, body["code"]) == (401, "second_factor_required")
    return str(body["errors"][0]["meta"]["challenge"])


def answered(challenge: str, path: str = "/identity/token/second-factor", **factor: Any) -> HttpResponse:
    return ANYBODY.post(path, {"challenge": challenge, **factor}, headers=OWN)


def with_app(client: Client, *, forgets: bool = True) -> tuple[bytes, list[str]]:
    """Set up an app; return its secret and the recovery codes. No test waits for the next code."""
    told = json_of(client.post("/identity/factors/totp", {}))
    secret = base64.b32decode(told["secret"])
    answer = client.post("/identity/factors/totp/confirm", {"code": code_now(secret)})
    assert answer.status_code == 200, answer.content
    if forgets:
        Totp.objects.update(last_step=0)
    return secret, json_of(answer)["recovery_codes"]


def with_passkey(client: Client, authenticator: Authenticator) -> list[str]:
    begun = json_of(client.post("/identity/factors/passkeys/options", {}))
    made = authenticator.create(begun["options"])
    body = {"name": "Key", "challenge": begun["challenge"], "credential": made}
    answer = client.post("/identity/factors/passkeys", body)
    assert answer.status_code == 201, answer.content
    return list(json_of(answer)["recovery_codes"])


def code_now(secret: bytes) -> str:
    return totp.code(secret, totp.step_at(timezone.now()))


@pytest.fixture
def ada(as_user: Callable[[str], Client]) -> Client:
    return as_user("ada")


# RFC 6238, appendix B: the last six of its eight digits.
@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)

    assert totp.code(b"12345678901234567890", totp.step_at(at)) == code
    assert totp.matching_step(b"12345678901234567890", code, at=at) == seconds // 30
    assert totp.matching_step(b"12345678901234567890", code, at=at + timedelta(seconds=60)) is None


def test_t6_setting_up_an_app_ends_all_sessions_and_its_secret_is_sealed(ada: Client, world: World) -> None:
    other = Client.signed_in("ada", PASSWORD)

    secret, codes = with_app(ada)

    assert (ada.get("/me").status_code, other.get("/me").status_code) == (401, 401)
    assert (len(codes), len(set(codes)), {len(code) for code in codes}) == (10, 10, {19})
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text || r::text FROM identity_totp t, identity_recovery_code r")
        stored = str(cursor.fetchall())
    assert secret.hex() not in stored
    assert not any(code in stored for code in codes)
    assert [event.action for event in AuditEvent.objects.filter(action__startswith="factor").order_by("seq")] == [
        "factor.totp_begun",
        "factor.totp_added",
    ]


@pytest.mark.parametrize("change", ["remove_app", "add_passkey", "remove_passkey", "new_codes"])
def test_t6_each_change_of_a_factor_ends_all_sessions(ada: Client, change: str) -> None:
    authenticator = Authenticator()
    with_passkey(ada, authenticator)
    ada = _with_key(authenticator)
    with_app(ada)
    ada, other = _with_key(authenticator), _with_key(authenticator)

    if change == "remove_app":
        assert ada.delete("/identity/factors/totp").status_code == 204
    elif change == "add_passkey":
        with_passkey(ada, Authenticator())
    elif change == "remove_passkey":
        assert ada.delete(f"/identity/factors/passkeys/{Passkey.objects.get().pk}").status_code == 204
    else:
        assert len(json_of(ada.post("/identity/factors/recovery-codes", {}))["recovery_codes"]) == 10

    assert (ada.get("/me").status_code, other.get("/me").status_code) == (401, 401)


def _with_key(authenticator: Authenticator) -> Client:
    challenge = challenge_in(sign_in())
    options = json_of(ANYBODY.post("/identity/second-factor/passkey", {"challenge": challenge}))["options"]
    answer = answered(challenge, method="hwk", credential=authenticator.get(options))
    assert answer.status_code == 200, answer.content
    return Client(json_of(answer)["access"])


@pytest.mark.parametrize("wrong", ["000000", "12345", "1234567", "١٢٣٤٥٦"])
def test_a_wrong_code_sets_nothing_up(ada: Client, wrong: str) -> None:
    ada.post("/identity/factors/totp", {})

    assert ada.post("/identity/factors/totp/confirm", {"code": wrong}).status_code == 400
    assert (Totp.objects.filter(confirmed_at=None).count(), RecoveryCode.objects.count()) == (1, 0)
    assert ada.get("/me").status_code == 200
    assert sign_in().status_code == 200


def test_p5_a_code_of_an_app_finishes_a_sign_in_once(ada: Client) -> None:
    secret, _ = with_app(ada)
    first, second = challenge_in(sign_in()), challenge_in(sign_in())
    code = code_now(secret)

    fine = answered(first, method="otp", code=code)
    again = [answered(first, method="otp", code=code), answered(second, method="otp", code=code)]

    assert fine.status_code == 200
    assert Client(json_of(fine)["access"]).get("/me").status_code == 200
    assert [refusal(each)[:2] for each in again] == [(401, "sign_in_refused")] * 2
    assert Session.objects.filter(revoked_at=None).count() == 1
    assert sorted(Session.objects.get(revoked_at=None).methods) == ["otp", "pwd"]


def test_p5_the_code_that_set_the_app_up_signs_nobody_in(ada: Client) -> None:
    secret, _ = with_app(ada, forgets=False)
    used = totp.code(secret, Totp.objects.get().last_step)

    assert answered(challenge_in(sign_in()), method="otp", code=used).status_code == 401


@pytest.mark.usefixtures("committed_db")
def test_p5_of_five_sign_ins_with_one_code_one_succeeds(world: World) -> None:
    secret, _ = with_app(Client.signed_in("ada", PASSWORD))
    challenges = [challenge_in(sign_in()) for _ in range(5)]
    code = code_now(secret)

    statuses = at_once(5, lambda n: answered(challenges[n], method="otp", code=code).status_code)

    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 429}


def test_p5_a_recovery_code_works_once_whatever_its_spelling(ada: Client) -> None:
    _, codes = with_app(ada)

    first = answered(challenge_in(sign_in()), method="recovery", code=codes[0].upper().replace("-", ""))
    second = answered(challenge_in(sign_in()), method="recovery", code=codes[0])

    assert (first.status_code, second.status_code) == (200, 401)
    assert RecoveryCode.objects.filter(used_at=None).count() == 9


def test_p5_a_passkey_finishes_a_sign_in(ada: Client) -> None:
    authenticator = Authenticator()
    assert len(with_passkey(ada, authenticator)) == 10

    client = _with_key(authenticator)

    assert client.get("/me").status_code == 200
    shown = json_of(client.get("/identity/factors"))
    assert (shown["totp"], [key["name"] for key in shown["passkeys"]], shown["recovery_codes"]) == (False, ["Key"], 10)
    assert Passkey.objects.get().sign_count == 1


@pytest.mark.parametrize(
    "how", ["page", "party", "key", "challenge", "replay", "count", "user", "empty", "no response", "no id", "a list"]
)
def test_p5_a_passkey_that_does_not_fit_is_refused(ada: Client, how: str) -> None:  # noqa: C901  (a table)
    authenticator = Authenticator()
    with_passkey(ada, authenticator)
    challenge = challenge_in(sign_in())
    options = json_of(ANYBODY.post("/identity/second-factor/passkey", {"challenge": challenge}))["options"]
    if how == "page":
        authenticator.origin = "https://evil.example"
    elif how == "party":
        authenticator.party = "evil.example"
    elif how == "key":
        authenticator.key = Authenticator().key
    elif how == "challenge":
        options["challenge"] = "AAAA"
    elif how == "user":
        authenticator.credential_id = b"x" * 32
    elif how == "count":
        Passkey.objects.update(sign_count=100)
    signed: Any = authenticator.get(options)
    if how == "replay":
        assert answered(challenge, method="hwk", credential=signed).status_code == 200
        Passkey.objects.update(sign_count=0)
    elif how == "empty":
        signed = {}
    elif how == "no response":
        signed = {"rawId": signed["rawId"]}
    elif how == "no id":
        signed = {**signed, "rawId": 7}
    elif how == "a list":
        signed = {**signed, "response": []}
    before = Session.objects.filter(revoked_at=None).count()

    assert refusal(answered(challenge, method="hwk", credential=signed))[:2] == (401, "sign_in_refused")
    assert Session.objects.filter(revoked_at=None).count() == before


def test_p5_an_app_that_was_never_confirmed_proves_nothing(ada: Client) -> None:
    authenticator = Authenticator()
    with_passkey(ada, authenticator)
    told = json_of(_with_key(authenticator).post("/identity/factors/totp", {}))
    challenge = challenge_in(sign_in())

    assert answered(challenge, method="otp", code=code_now(base64.b32decode(told["secret"]))).status_code == 401


def test_p5_somebody_else_s_passkey_is_not_this_account_s(as_user: Callable[[str], Client]) -> None:
    theirs = Authenticator()
    with_passkey(as_user("ada"), Authenticator())
    with_passkey(as_user("vera"), theirs)
    challenge = challenge_in(sign_in())
    options = json_of(ANYBODY.post("/identity/second-factor/passkey", {"challenge": challenge}))["options"]

    refused = answered(challenge, method="hwk", credential=theirs.get(options))

    assert refusal(refused)[:2] == (401, "sign_in_refused")
    assert Session.objects.filter(revoked_at=None).count() == 0


@pytest.mark.parametrize("method", ["otp", "recovery", "hwk"])
@pytest.mark.parametrize("empty", ["", "0", "null"])
def test_p5_an_empty_proof_is_none(ada: Client, method: str, empty: str) -> None:
    with_app(ada)

    assert answered(challenge_in(sign_in()), method=method, code=empty).status_code == 401
    assert Session.objects.filter(revoked_at=None).count() == 0


def test_p5_a_wrong_code_leaves_the_challenge_and_counts_as_a_try(ada: Client) -> None:
    secret, _ = with_app(ada)
    challenge = challenge_in(sign_in())

    statuses = [answered(challenge, method="otp", code="000000").status_code for _ in range(4)]
    assert statuses == [401] * 4
    assert SpentChallenge.objects.count() == 0
    assert answered(challenge, method="otp", code=code_now(secret)).status_code == 200


def test_p5_codes_cannot_be_guessed_by_trying(ada: Client) -> None:
    secret, _ = with_app(ada)
    statuses = [answered(challenge_in(sign_in()), method="otp", code="000000").status_code for _ in range(7)]

    assert statuses == [401] * 5 + [429] * 2
    assert answered(challenge_in(sign_in()), method="otp", code=code_now(secret)).status_code == 429


# Each way to a session: password by API and by browser, whatever a provider said without a second factor.
PATHS: dict[str, Callable[[User], object]] = {
    "token": lambda _: sign_in("/identity/token"),
    "browser": lambda _: sign_in("/identity/session"),
    "federated": lambda user: begin_session(user=user, methods=["fed"], origin=_origin()),
    "federated in a browser": lambda user: begin_browser_session(user=user, methods=["fed"], origin=_origin()),
    "nothing said": lambda user: begin_session(user=user, methods=[], origin=_origin()),
    "unknown method": lambda user: begin_session(user=user, methods=["face", "MFA"], origin=_origin()),
}


def _origin() -> Origin:
    return Origin(actor_id=None, at=timezone.now(), request_id="test", ip="127.0.0.1")


@pytest.mark.parametrize("factor", ["app", "passkey"])
@pytest.mark.parametrize("path", PATHS)
def test_p5_every_way_to_a_session_asks_for_the_second_factor(ada: Client, path: str, factor: str) -> None:
    if factor == "app":
        with_app(ada)
    else:
        with_passkey(ada, Authenticator())
    user = User.objects.get(username="ada")

    try:
        answer = PATHS[path](user)
    except SecondFactorRequired as error:
        methods = error.methods
    else:
        assert isinstance(answer, HttpResponse)
        assert answer.cookies == {}
        assert challenge_in(answer)
        methods = tuple(json_of(answer)["errors"][0]["meta"]["methods"].split())
    assert methods == ("otp" if factor == "app" else "hwk", "recovery")
    assert Session.objects.filter(revoked_at=None).count() == 0


@pytest.mark.parametrize("methods", [["fed", "mfa"], ["hwk"], ["fed", "otp"]])
def test_p5_whoever_showed_a_second_factor_elsewhere_is_in(ada: Client, methods: list[str]) -> None:
    with_app(ada)

    begin_session(user=User.objects.get(username="ada"), methods=methods, origin=_origin())

    assert Session.objects.get(revoked_at=None).methods == sorted(methods)


def test_p5_a_challenge_is_void_after_five_minutes_a_new_password_or_for_another_purpose(ada: Client) -> None:
    secret, _ = with_app(ada)
    challenge = challenge_in(sign_in())
    user = User.objects.get(username="ada")
    user.set_password("another " + PASSWORD)
    user.save()

    assert answered(challenge, method="otp", code=code_now(secret)).status_code == 401
    assert ANYBODY.post("/identity/second-factor/passkey", {"challenge": challenge}).status_code == 401


def test_an_administrator_removes_the_factors_of_somebody_who_lost_them(
    as_user: Callable[[str], Client], world: World
) -> None:
    with_app(as_user("vera"))

    answer = as_user("ada").delete(f"/identity/users/{world.users['vera']}/factors")

    assert answer.status_code == 204
    assert (Totp.objects.count(), RecoveryCode.objects.count()) == (0, 0)
    assert sign_in(username="vera").status_code == 200
    event = AuditEvent.objects.get(action="factors.removed")
    assert (event.actor_id, event.object_id) == (world.users["ada"], str(world.users["vera"]))


@pytest.mark.parametrize(
    "path", ["/identity/factors/totp", "/identity/factors/passkeys/x", "/identity/users/{}/factors"]
)
def test_taking_away_what_is_not_there_changes_nothing(ada: Client, world: World, path: str) -> None:
    ada.post("/identity/factors/totp", {})

    assert ada.delete(path.format(world.users["vera"])).status_code == 404
    assert ada.delete(path.format(world.users["ada"])).status_code == 404
    assert ada.post("/identity/factors/recovery-codes", {}).status_code == 404
    assert (ada.get("/me").status_code, RecoveryCode.objects.count(), Totp.objects.count()) == (200, 0, 1)


def test_a_stranger_s_challenge_sets_no_passkey_up(as_user: Callable[[str], Client]) -> None:
    begun = json_of(as_user("vera").post("/identity/factors/passkeys/options", {}))
    body = {
        "name": "Key",
        "challenge": begun["challenge"],
        "credential": Authenticator().create(begun["options"]),
    }

    refused = as_user("ada").post("/identity/factors/passkeys", body)

    assert refusal(refused) == (400, "void_challenge", [("#/challenge", "void_challenge")])
    assert Passkey.objects.count() == 0
