"""Passwords: what they may be, how they are changed, and what happens to sessions then."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, override

import pytest
from django.conf import settings
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.core.signing import TimestampSigner
from django.db import connection
from django.http import HttpResponse
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from apps.identity import letters
from apps.identity.models import Session, User
from apps.identity.tests.test_second_factors import challenge_in, with_app
from audit.django.models import AuditEvent
from tests.answers import json_of, refusal
from tests.client import Client
from tests.threads import at_once
from tests.world import PASSWORD, World

ANYBODY = Client("")
NEW = "a new one, long enough"
WRONG_CODE = "#/new_password"


def sign_in(password: str, username: str = "ada") -> HttpResponse:
    return ANYBODY.post("/identity/token", {"username": username, "password": password})


def change(client: Client, new: str, current: str = PASSWORD) -> HttpResponse:
    return client.post("/identity/password", {"current_password": current, "new_password": new})


def give_address(username: str) -> None:
    User.objects.filter(username=username).update(email=f"{username}@example.com")


def asked(username: str) -> HttpResponse:
    return ANYBODY.post("/identity/password/reset", {"username": username})


def link() -> str:
    """Return the token of the letter that was sent last."""
    return str(mail.outbox[-1].body).partition("#")[2].split()[0]


def by_link(token: str, password: str = NEW, path: str = "/identity/password/reset/confirm") -> HttpResponse:
    return ANYBODY.post(path, {"token": token, "password": password})


def test_t6_a_changed_password_ends_all_sessions(api: Client, world: World) -> None:
    pair = json_of(sign_in(PASSWORD))
    other = json_of(sign_in(PASSWORD, "vera"))

    assert change(api, NEW).status_code == 204

    assert (api.get("/me").status_code, Client(pair["access"]).get("/me").status_code) == (401, 401)
    assert ANYBODY.post("/identity/token/refresh", {"refresh": pair["refresh"]}).status_code == 401
    assert Client(other["access"]).get("/me").status_code == 200
    assert (sign_in(PASSWORD).status_code, sign_in(NEW).status_code) == (401, 200)
    event = AuditEvent.objects.get(action="user.password_changed")
    assert (event.actor_id, event.before, event.after) == (world.users["ada"], None, None)


def test_a_wrong_current_password_changes_nothing_and_is_a_try(api: Client) -> None:
    before = User.objects.get(username="ada").password

    answers = [change(api, NEW, current="wrong") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert User.objects.get(username="ada").password == before
    assert api.get("/me").status_code == 200


@pytest.mark.parametrize(
    ("password", "is_fine"),
    [
        ("elevenchars", False),
        ("twelve chars", True),
        ("            ", True),
        ("lower case letters only", True),
        ("0918273645019283", True),
        ("x1" * 32, True),
        ("long " * 100, True),
        ("pässwörter sind schön", True),
        ("emoji 🔑🔑🔑🔑🔑🔑🔑", True),
        ("", False),
        ("password1234", False),
        ("qwertyuiop123", False),
        ("inventory2026", False),
        ("Inventory-Ada1", False),
        ("testserver testserver", False),
        ("ada.lovelace.1", True),
        ("the one that leaked", False),
        ("THE ONE THAT LEAKED", False),
        ("the one that did not", True),
    ],
)
def test_p2_a_password_is_long_and_unknown_and_nothing_else_is_asked(
    api: Client, tmp_path: Path, password: str, *, is_fine: bool
) -> None:
    leaked = tmp_path / "leaked.txt"
    leaked.write_text("something else\nthe one that leaked\n", encoding="utf-8")
    config = settings.CONFIG.model_copy(update={"password_deny_list": leaked})
    before = User.objects.get(username="ada").password

    with override_settings(CONFIG=config):
        answer = change(api, password)

    if is_fine:
        assert answer.status_code == 204
        assert sign_in(password).status_code == 200
        assert sign_in(password[:-1]).status_code == 401
        assert sign_in(password + " ").status_code == 401
    else:
        status, code, problems = refusal(answer)
        assert (status, code, set(problems)) == (400, "weak_password", {("#/new_password", "weak_password")})
        assert User.objects.get(username="ada").password == before
        assert password not in answer.content.decode() or not password


def test_t6_a_link_from_a_letter_replaces_the_password_once(api: Client, world: World) -> None:
    give_address("ada")

    assert (asked("ADA").status_code, asked("ada").content) == (202, b"")

    assert [(letter.to, letter.subject) for letter in mail.outbox] == [(["ada@example.com"], "A new password")] * 2
    assert "http://testserver/reset-password#" in mail.outbox[0].body
    first, second = (str(letter.body).partition("#")[2].split()[0] for letter in mail.outbox)
    assert refusal(by_link(first, "elevenchars")) == (400, "weak_password", [("#/password", "weak_password")])
    assert api.get("/me").status_code == 200
    assert by_link(first).status_code == 204
    assert api.get("/me").status_code == 401
    assert (sign_in(PASSWORD).status_code, sign_in(NEW).status_code) == (401, 200)
    for used in (first, second):
        assert refusal(by_link(used, "yet another one")) == (400, "void_link", [("#/token", "void_link")])
    assert sign_in(NEW).status_code == 200
    assert AuditEvent.objects.filter(action="user.password_reset", object_id=str(world.users["ada"])).count() == 1


@pytest.mark.usefixtures("committed_db", "world")
def test_of_eight_uses_of_a_link_at_once_one_succeeds() -> None:
    give_address("ada")
    asked("ada")
    token = link()

    statuses = at_once(8, lambda n: by_link(token, f"{NEW} {n}").status_code)

    assert sorted(statuses) == [204] + [400] * 7


@pytest.mark.parametrize("how", ["late", "off", "changed", "another kind", "cut", "empty"])
def test_a_link_that_is_void_changes_nothing(api: Client, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    give_address("ada")
    if how == "late":
        # The clock of the signature, an hour and a second ago.
        stamp = TimestampSigner.timestamp
        monkeypatch.setattr(TimestampSigner, "timestamp", lambda self: _earlier(stamp(self), 3601))
    asked("ada")
    token = link()
    if how == "late":
        monkeypatch.undo()
    elif how == "off":
        User.objects.filter(username="ada").update(is_active=False)
    elif how == "changed":
        assert change(api, "something else entirely").status_code == 204
    path = "/identity/invitations/accept" if how == "another kind" else "/identity/password/reset/confirm"
    token = {"cut": token[:-1], "empty": " "}.get(how, token)
    before = User.objects.get(username="ada").password

    assert refusal(by_link(token, path=path)) == (400, "void_link", [("#/token", "void_link")])
    assert User.objects.get(username="ada").password == before


def _earlier(stamp: str, seconds: int) -> str:
    from django.core.signing import b62_decode, b62_encode  # noqa: PLC0415  (the coding of the stamp)

    return str(b62_encode(b62_decode(stamp) - seconds))


def test_p5_a_new_password_by_a_link_still_needs_the_second_factor(api: Client) -> None:
    with_app(api)
    give_address("ada")
    asked("ada")

    answer = by_link(link())

    assert (answer.status_code, answer.content, answer.cookies) == (204, b"", {})
    assert challenge_in(sign_in(NEW))
    assert Session.objects.filter(revoked_at=None).count() == 0


def test_p5_an_invitation_gives_a_first_password_and_no_session(api: Client, world: World) -> None:
    user = User(username="nina", name="Nina", email="nina@example.com")
    user.set_unusable_password()
    user.save()

    assert api.post("/identity/invitations", {"user": str(user.pk)}).status_code == 202

    assert mail.outbox[0].to == ["nina@example.com"]
    assert sign_in(PASSWORD, "nina").status_code == 401
    answer = by_link(link(), path="/identity/invitations/accept")
    assert (answer.status_code, answer.content) == (204, b"")
    assert Session.objects.filter(user=user).count() == 0
    assert sign_in(NEW, "nina").status_code == 200
    again = by_link(link(), "another new one", path="/identity/invitations/accept")
    assert refusal(again)[:2] == (400, "void_link")
    found = AuditEvent.objects.filter(object_id=str(user.pk), action__startswith="user.inv").order_by("seq")
    assert [(event.action, event.actor_id) for event in found] == [
        ("user.invited", world.users["ada"]),
        ("user.invitation_accepted", None),
    ]


def test_p5_a_link_is_void_once_the_account_has_another_address(api: Client, world: World) -> None:
    give_address("vera")
    assert api.post("/identity/invitations", {"user": "user:vera"}).status_code == 202
    sent = link()

    User.objects.filter(username="vera").update(email="vera@example.org")

    assert refusal(by_link(sent, path="/identity/invitations/accept"))[:2] == (400, "void_link")
    assert sign_in(PASSWORD, "vera").status_code == 200


@pytest.mark.parametrize("who", ["nobody", "no id", "no address"])
def test_an_invitation_of_nobody_is_refused(api: Client, world: World, who: str) -> None:
    user = {"nobody": "01a20931-15e9-7561-8598-762cdd1ff99c", "no id": "vera", "no address": str(world.users["vera"])}

    assert api.post("/identity/invitations", {"user": user[who]}).status_code in {400, 404}
    assert mail.outbox == []


def test_nobody_invites_somebody_who_may_do_more(world: World, as_user: Callable[[str], Client]) -> None:
    from rbac.django.models import Binding, Role  # noqa: PLC0415

    role = Role.objects.create(code="hr", name="HR", permissions=["identity.manage_users"])
    Binding.objects.create(user_id=world.users["vera"], role=role)
    give_address("ada")
    vera = as_user("vera")

    for answer in (
        vera.post("/identity/invitations", {"user": str(world.users["ada"])}),
        vera.delete(f"/identity/users/{world.users['ada']}/factors"),
    ):
        assert refusal(answer)[:2] == (403, "holds_more")
    assert mail.outbox == []


class CountingHasher(MD5PasswordHasher):
    """Counts what costs time."""

    hashed: list[str] = []  # noqa: RUF012

    @override
    def encode(self, password: str, salt: str) -> str:
        self.hashed.append(password)
        return super().encode(password, salt)


WHO = ["ada", "nobody", "vera", "nina", "' OR 1=1"]


@pytest.fixture
def people(world: World) -> None:
    """Ada exists, vera is switched off, nina has no password."""
    User.objects.filter(username="vera").update(is_active=False)
    nina = User(username="nina")
    nina.set_unusable_password()
    nina.save()
    for username in ("ada", "vera", "nina"):
        give_address(username)


def told(answer: HttpResponse) -> tuple[Any, ...]:
    body = answer.content and {key: value for key, value in json_of(answer).items() if key != "request_id"}
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}
    return answer.status_code, body, headers


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("path", ["/identity/token", "/identity/password/reset"])
def test_p3_the_answer_and_the_effort_are_the_same_whoever_there_is(path: str) -> None:
    """The same statements and the same number of hashes: what an answer's time is made of."""
    seen = []
    with override_settings(
        PASSWORD_HASHERS=["apps.identity.tests.test_passwords.CountingHasher"], LETTERS_IN_BACKGROUND=True
    ):
        for username in WHO:
            body = {"username": username} | ({"password": "wrong"} if path.endswith("token") else {})
            CountingHasher.hashed.clear()
            with CaptureQueriesContext(connection) as queries:
                answer = ANYBODY.post(path, body)
            seen.append((told(answer), len(queries), len(CountingHasher.hashed)))
        letters._writer.submit(lambda: None).result(timeout=30)  # noqa: SLF001  (until the letters are written)

    assert seen == [seen[0]] * len(WHO)
    assert seen[0][0][0] == (401 if path.endswith("token") else 202)


@pytest.mark.usefixtures("committed_db", "people")
def test_p3_letters_are_written_behind_the_answer_and_only_to_who_is_there() -> None:
    may_go_on = Event()
    with override_settings(LETTERS_IN_BACKGROUND=True):
        letters._writer.submit(may_go_on.wait, 30)  # noqa: SLF001  (nothing is written before the answers are here)
        assert [asked(username).status_code for username in WHO] == [202] * len(WHO)
        assert mail.outbox == []
        may_go_on.set()
        letters._writer.submit(lambda: None).result(timeout=30)  # noqa: SLF001

    assert [letter.to for letter in mail.outbox] == [["ada@example.com"]]


def test_p4_letters_are_not_sent_without_end(world: World) -> None:
    give_address("ada")

    assert [asked("ada").status_code for _ in range(7)] == [202] * 5 + [429] * 2
    assert len(mail.outbox) == 5


P1 = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
import django
django.setup()
from apps.common.errors import Busy
from apps.identity.passwords import Argon2id
hasher = Argon2id()
encoded = hasher.encode("warm", "saltsaltsalt")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def one(_):
    try:
        return hasher.verify("warm", encoded)
    except Busy:
        return None
with ThreadPoolExecutor(50) as pool:
    results = list(pool.map(one, range(200)))
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(hasher.decode(encoded)["variety"], grown // 1024, results.count(True), results.count(None), results.count(False))
"""


def test_p1_200_sign_ins_at_once_take_the_memory_of_two() -> None:
    service = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", P1],
        cwd=service,
        env={"DJANGO_SETTINGS_MODULE": "config.settings.test", "PYTHONPATH": str(service)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    variety, grown, right, busy, wrong = done.stdout.split()
    assert (variety, int(wrong), int(right) + int(busy)) == ("argon2id", 0, 200)
    assert int(grown) < 3 * 46
    assert int(busy) > 0


def test_p1_the_parameters_are_those_of_asvs() -> None:
    from apps.identity.passwords import Argon2id  # noqa: PLC0415

    assert Argon2id().encode("x", "saltsaltsalt").startswith("argon2$argon2id$v=19$m=47104,t=1,p=1$")
    assert "apps.identity.passwords.Argon2id" in Path(settings.BASE_DIR, "config/settings/base.py").read_text()


@pytest.mark.parametrize("letter", ["reset", "invitation"])
def test_who_answers_a_letter_has_its_address(api: Client, world: World, letter: str) -> None:
    give_address("vera")
    if letter == "reset":
        asked("vera")
        done = by_link(link())
    else:
        api.post("/identity/invitations", {"user": "user:vera"})
        done = by_link(link(), path="/identity/invitations/accept")

    assert done.status_code == 204
    vera = json_of(api.get("/identity/users/user:vera"))
    assert (vera["email_verified"], vera["version"]) == (True, 2)
    event = AuditEvent.objects.latest("seq")
    assert (event.before, event.after) == ({"email_verified": False}, {"email_verified": True})
    changed = api.patch("/identity/users/user:vera", {"email": "new@example.com"}, version=2)
    assert json_of(changed)["email_verified"] is False


def test_a_password_that_is_changed_without_a_letter_verifies_nothing(api: Client, world: World) -> None:
    give_address("ada")

    assert change(api, NEW).status_code == 204

    assert User.objects.get(username="ada").email_verified is False


def test_s2_who_signs_in_elsewhere_gets_no_password_by_a_letter(world: World) -> None:
    give_address("vera")
    vera = User.objects.get(username="vera")
    vera.set_unusable_password()
    vera.save()

    assert asked("vera").status_code == 202
    assert (mail.outbox, AuditEvent.objects.count()) == ([], 0)
    give_address("ada")
    assert asked("ada").status_code == 202
    assert (len(mail.outbox), AuditEvent.objects.get().action) == (1, "user.reset_requested")
