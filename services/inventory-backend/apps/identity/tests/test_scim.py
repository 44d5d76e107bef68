"""SCIM: a provider's own users and groups, and nobody else's. `nox -s sso` has the compliance check of scim2-cli."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from apps.identity.actions import begin_session
from apps.identity.actions.scim import Person, change_scim_user
from apps.identity.models import ExternalIdentity, Provider, ScimGroup, ScimUser, Session, User
from apps.identity.tests.hostile import SECRET, Hostile
from apps.identity.tests.keys import key_of
from apps.identity.tests.sso import make_provider, sign_in
from audit import Origin
from audit.django.models import AuditEvent
from rbac.django.models import Binding, Role
from tests.client import Client
from tests.world import PASSWORD, World

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
type Call = Callable[..., tuple[int, Any]]


def caller(username: str) -> Call:
    """Return how somebody asks with a key that was made for SCIM, bound to a role that allows nothing else."""
    owner = User.objects.get(username=username)
    role, _ = Role.objects.get_or_create(code="provisioning", defaults={"name": "P", "permissions": ["identity.scim"]})
    Binding.objects.get_or_create(user=owner, role=role, location=None)
    return asking(key_of(owner, "identity.scim"))


def asking(credential: str) -> Call:
    """Return how somebody asks with an API key or an access token."""
    http = APIClient()

    def call(method: str, path: str, body: object = None, **query: str) -> tuple[int, Any]:
        answer = http.generic(
            method,
            f"/scim/v2{path}",
            "" if body is None else msgspec.json.encode(body).decode(),
            content_type="application/scim+json",
            headers={"Authorization": f"Bearer {credential}"},
            query_params=query or None,
        )
        return answer.status_code, msgspec.json.decode(answer.content) if answer.content else None

    return call


@pytest.fixture
def provider(world: World) -> Provider:
    """Make a provider whose SCIM client is vera."""
    made = make_provider(
        "https://login.example.com",
        provisions_users=False,
        group_roles=[{"group": "pickers", "role": "picker", "location": str(world.locations["A"])}],
    )
    Provider.objects.filter(pk=made.pk).update(scim_client_id=world.users["vera"])
    return made


@pytest.fixture
def scim(provider: Provider) -> Call:
    return caller("vera")


def new(username: object = "grace", **more: object) -> dict[str, object]:
    return {"schemas": [USER], "userName": username, **more}


def patch(op: str, path: str, value: object) -> dict[str, object]:
    return {"schemas": [PATCH], "Operations": [{"op": op, "path": path, "value": value}]}


def trail() -> list[str]:
    found = AuditEvent.objects.order_by("seq").exclude(action__in=["user.signed_in", "api_key.created"])
    return list(found.values_list("action", flat=True))


def test_x2_a_user_is_made_found_changed_and_removed(scim: Call) -> None:
    status, made = scim("POST", "/Users", new(displayName="Grace", externalId="g-1"))
    assert (status, made["userName"], made["meta"]["location"]) == (201, "grace", f"/scim/v2/Users/{made['id']}")
    user = User.objects.get(username="grace")
    assert (user.name, user.is_active, user.has_usable_password()) == ("Grace", True, False)

    status, found = scim("GET", "/Users", filter='userName eq "GRACE"')
    assert (status, found["totalResults"], found["Resources"][0]["externalId"]) == (200, 1, "g-1")
    assert scim("GET", "/Users", filter='userName eq "nobody"')[1]["totalResults"] == 0
    status, changed = scim("PATCH", f"/Users/{made['id']}", patch("replace", "displayName", "Grace H."))
    assert (status, changed["displayName"]) == (200, "Grace H.")
    assert scim("DELETE", f"/Users/{made['id']}")[0] == 204
    assert scim("GET", f"/Users/{made['id']}")[0] == 404

    user.refresh_from_db()
    assert (user.is_active, user.name) == (False, "Grace H.")
    assert trail() == ["scim_user.created", "scim_user.changed", "scim_user.removed"]
    status, again = scim("POST", "/Users", new())
    assert (status, again["id"]) == (201, made["id"])
    user.refresh_from_db()
    assert user.is_active


def test_x2_who_is_deactivated_has_no_session_left(scim: Call) -> None:
    _, made = scim("POST", "/Users", new())
    user = User.objects.get(username="grace")
    origin = Origin.system(at=user.created_at, request_id="test-0001")
    pair = begin_session(user=user, methods=("fed",), origin=origin)
    assert Client(pair.access).get("/me").status_code == 200

    assert scim("PATCH", f"/Users/{made['id']}", patch("replace", "active", value=False))[0] == 200

    assert Client(pair.access).get("/me").status_code == 401
    assert Session.objects.filter(user=user, revoked_at=None).count() == 0
    assert scim("PATCH", f"/Users/{made['id']}", patch("replace", "active", value=True))[0] == 200
    assert Client(pair.access).get("/me").status_code == 401


def test_s2_an_account_is_never_taken_over_by_its_name(scim: Call, world: World) -> None:
    answers = [scim("POST", "/Users", new(name)) for name in ("ada", "ADA")]
    _, made = scim("POST", "/Users", new())
    answers.append(scim("PATCH", f"/Users/{made['id']}", patch("replace", "userName", "Ada")))
    answers.append(scim("PUT", f"/Users/{made['id']}", new("ada")))

    assert [(status, body["scimType"]) for status, body in answers] == [(409, "uniqueness")] * 4
    assert User.objects.get(pk=world.users["ada"]).is_active
    assert ScimUser.objects.get().user.username == "grace"
    assert trail() == ["scim_user.created"]


def test_a3_a_client_reaches_its_own_users_only(scim: Call, world: World) -> None:
    _, made = scim("POST", "/Users", new())
    _, group = scim("POST", "/Groups", {"schemas": [GROUP], "displayName": "pickers"})
    other = make_provider("https://other.example.com", code="other")
    Provider.objects.filter(pk=other.pk).update(scim_client_id=world.users["alan"])
    stranger = caller("alan")
    before = AuditEvent.objects.count()

    for kind, pk in (("Users", made["id"]), ("Groups", group["id"]), ("Users", world.users["ada"])):
        for method, body in (
            ("GET", None),
            ("PUT", new()),
            ("PATCH", patch("replace", "active", value=False)),
            ("DELETE", None),
        ):
            if kind == "Groups" and body is not None:
                continue
            assert stranger(method, f"/{kind}/{pk}", body)[0] == 404
        assert stranger("GET", f"/{kind}")[1]["totalResults"] == 0
    body = {"schemas": [GROUP], "displayName": "mine", "members": [{"value": made["id"]}]}
    assert stranger("POST", "/Groups", body)[0] == 400
    assert (AuditEvent.objects.count(), ScimGroup.objects.count()) == (before, 1)
    assert User.objects.get(username="grace").is_active


@pytest.mark.usefixtures("provider")
def test_a1_only_the_client_of_a_provider_is_served() -> None:
    anonymous = APIClient()
    paths = ("/Users", "/Groups", "/ServiceProviderConfig", "/Schemas", "/ResourceTypes", "/anything")

    assert [anonymous.get(f"/scim/v2{path}").status_code for path in paths] == [401] * len(paths)
    assert [caller("ada")("GET", path)[0] for path in paths] == [403] * len(paths)
    assert caller("ada")("POST", "/Users", new())[0] == 403
    assert ScimUser.objects.count() == 0


def test_x2_a_group_gives_roles_and_takes_them_away(scim: Call) -> None:
    grace, linus = (scim("POST", "/Users", new(name))[1]["id"] for name in ("grace", "linus"))

    def held() -> list[tuple[str, str, str]]:
        found = Binding.objects.filter(user__username__in=["grace", "linus"])
        return sorted(found.values_list("user__username", "role__code", "location__code"))

    body = {"schemas": [GROUP], "displayName": "pickers", "members": [{"value": grace}]}
    status, group = scim("POST", "/Groups", body)
    assert (status, [each["value"] for each in group["members"]]) == (201, [grace])
    assert held() == [("grace", "picker", "A")]
    scim("PATCH", f"/Groups/{group['id']}", patch("add", "members", [{"value": linus}]))
    assert held() == [("grace", "picker", "A"), ("linus", "picker", "A")]
    assert scim("GET", f"/Users/{linus}")[1]["groups"][0]["value"] == group["id"]
    scim(
        "PATCH",
        f"/Groups/{group['id']}",
        {"schemas": [PATCH], "Operations": [{"op": "remove", "path": f'members[value eq "{grace}"]'}]},
    )
    assert held() == [("linus", "picker", "A")]
    scim("PATCH", f"/Groups/{group['id']}", patch("replace", "displayName", "others"))
    assert held() == []
    scim("PATCH", f"/Groups/{group['id']}", patch("replace", "displayName", "pickers"))
    scim("DELETE", f"/Users/{linus}")
    assert held() == []
    assert scim("DELETE", f"/Groups/{group['id']}")[0] == 204


def test_s2_who_was_announced_is_known_at_the_first_sign_in(
    provider: Provider, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSO_SECRET_TEST", SECRET)
    call = caller("vera")
    call("POST", "/Users", new(externalId="ada-over-there"))
    for name in ("twin-1", "twin-2"):
        call("POST", "/Users", new(name, externalId="twin"))
    with Hostile() as there:
        Provider.objects.filter(pk=provider.pk).update(settings={**provider.settings, "issuer": there.issuer})
        assert sign_in(there)[1].status_code == 200
        assert sign_in(there, subject="twin")[1].status_code == 401
        assert sign_in(there, subject="stranger")[1].status_code == 401

    assert [each.user.username for each in ExternalIdentity.objects.all()] == ["grace"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/Users", {"schemas": [USER]}, 400),
        ("POST", "/Users", new(""), 400),
        ("POST", "/Users", new("x" * 65), 400),
        ("POST", "/Users", new("a\0b"), 400),
        ("POST", "/Users", new(" grace"), 400),
        ("POST", "/Users", new(7), 400),
        ("POST", "/Users", [], 400),
        ("POST", "/Users", new(displayName="a\0b"), 400),
        ("POST", "/Users", new(externalId="e" * 256), 400),
        ("POST", "/Groups", {"schemas": [GROUP], "displayName": "x" * 201}, 400),
        ("POST", "/Groups", {"schemas": [GROUP], "displayName": "g", "members": [{"value": "x"}]}, 400),
        ("POST", "/Groups", {"schemas": [GROUP], "displayName": "g", "externalId": "e\0"}, 400),
        ("POST", "/.search", {"filter": "("}, 400),
        ("POST", "/elsewhere", {}, 404),
        ("PUT", "/Users/1", new(), 404),
        ("GET", "/nothing", None, 404),
    ],
)
def test_x2_bad_input_is_refused_in_scims_words(scim: Call, method: str, path: str, body: object, status: int) -> None:
    users = User.objects.count()

    answered, error = scim(method, path, body)

    assert (answered, error["schemas"]) == (status, ["urn:ietf:params:scim:api:messages:2.0:Error"]), error
    assert (User.objects.count(), ScimGroup.objects.count(), trail()) == (users, 0, [])


def test_x2_only_a_key_that_was_made_for_it_reaches_scim(scim: Call, world: World) -> None:
    vera = User.objects.get(username="vera")
    assert scim("GET", "/Users")[0] == 200
    signed_in = msgspec.json.decode(
        Client("").post("/identity/token", {"username": "vera", "password": PASSWORD}).content
    )["access"]
    made_for_something_else = key_of(vera, "ledger.view")
    for_a_place = key_of(vera, "identity.scim", location=world.locations["A"])

    for credential in (signed_in, made_for_something_else, for_a_place):
        assert asking(credential)("GET", "/Users")[0] == 403
        assert asking(credential)("POST", "/Users", new())[0] == 403

    assert not User.objects.filter(username="grace").exists()


@pytest.mark.parametrize("text", ["userName eq", 'password eq "x"', "(" * 500, 'user__password sw "a"', "a\0 eq 1"])
def test_a8_a_filter_that_is_none_is_refused(scim: Call, text: str) -> None:
    status, error = scim("GET", "/Users", filter=text)

    assert (status, error["schemas"]) == (400, ["urn:ietf:params:scim:api:messages:2.0:Error"])


@pytest.mark.parametrize("name", ["\uff47race", "\ufb01nn", "\u212aate"])
def test_a_name_that_looks_like_another_is_refused(scim: Call, name: str) -> None:
    status, error = scim("POST", "/Users", new(name))

    assert (status, error["scimType"]) == (400, "invalidValue")
    assert User.objects.filter(scim__isnull=False).count() == 0


def test_s2_no_two_names_are_one_to_the_look_up(scim: Call) -> None:
    User.objects.create(username="ida")
    with connection.cursor() as cursor:
        cursor.execute("SELECT upper('\u0131da') = upper('ida')")
        is_one = cursor.fetchone() == (True,)

    status, _ = scim("POST", "/Users", new("\u0131da"))

    assert status == (409 if is_one else 201)
    assert User.objects.filter(username__iexact="ida").count() == 1


def test_a_change_by_scim_leaves_a_password_that_was_replaced_meanwhile(scim: Call, provider: Provider) -> None:
    scim("POST", "/Users", new())
    row = ScimUser.objects.select_related("user", "provider").get()
    assert row.user.has_usable_password() is False
    replaced = User.objects.get(username="grace")
    replaced.set_password(PASSWORD)
    replaced.email = "grace@example.com"
    replaced.save()
    origin = Origin.system(at=timezone.now(), request_id="test-0001")
    person = Person(username="grace", name="Grace", external_id="", is_active=True, attributes={})

    change_scim_user(row, person, origin=origin)

    user = User.objects.get(username="grace")
    assert (user.name, user.email, user.check_password(PASSWORD)) == ("Grace", "grace@example.com", True)


def test_l4_a_password_is_neither_kept_nor_told(scim: Call) -> None:
    status, body = scim("POST", "/Users", new(password="a canary of a password"))

    told = str([status, body, list(AuditEvent.objects.values()), list(ScimUser.objects.values())])
    assert "canary" not in told
