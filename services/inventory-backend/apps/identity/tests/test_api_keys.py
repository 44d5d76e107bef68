"""API keys, through the API: made, used, narrowed, ended."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Q
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.identity import api_keys, queries
from apps.identity.models import ApiKey, Group, User
from apps.identity.tests.hiring import make_group
from apps.locations.models import LocationClosure
from audit.django.models import AuditEvent
from rbac.django.actions import bind
from rbac.django.models import Binding, Role
from rbac.django.queries import grants_of
from tests.answers import json_of, refusal
from tests.client import Client
from tests.world import PASSWORD, World

NEVER_HELD = "ledger.close_period"


def soon(**life: float) -> str:
    return (timezone.now() + timedelta(**life or {"days": 30})).isoformat()


def body(**changes: Any) -> dict[str, Any]:
    return {"name": "ERP", "permissions": ["ledger.view"], "expires_at": soon(), **changes}


def made(client: Client, **changes: Any) -> dict[str, Any]:
    answer = client.post("/identity/keys", body(**changes))
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = json_of(answer)
    return found


def service(world: World, role: str | None, place: UUID | None = None) -> User:
    user = User(username="erp", name="ERP", kind="service")
    user.set_unusable_password()
    user.save(force_insert=True)
    world.users["erp"] = user.pk
    if role:
        bind(user_id=user.pk, role_code=role, location_id=place)
    return user


class WithKey(Client):
    """A client that sends its key in the other header."""

    def _headers(self, given: Any) -> dict[str, str]:
        return {**given, "Api-Key": self._token}


def test_t7_a_key_is_shown_once_and_kept_as_a_peppered_digest(api: Client, world: World) -> None:
    key = made(api)

    text = key["key"]
    assert text.startswith(f"inv_{key['prefix']}_")
    assert len(text) == 4 + 12 + 1 + 64
    stored = ApiKey.objects.get(pk=key["id"])
    assert bytes(stored.digest) == api_keys.digest_of(text)
    shown = api.get(f"/identity/keys/key:{key['prefix']}")
    assert json_of(shown) == {name: value for name, value in key.items() if name != "key"}
    secret = text.rpartition("_")[2]
    with connection.cursor() as cursor:
        for table in ("identity_api_key", "audit_event", "common_retried_request"):
            cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{secret}%"])
            assert cursor.fetchone() == (0,), table
    event = AuditEvent.objects.get(action="api_key.created")
    assert (event.actor_id, event.object_id) == (world.users["ada"], key["id"])


def test_t7_keys_do_not_repeat_and_hold_256_bits() -> None:
    made_keys = [api_keys.make_key() for _ in range(200)]

    assert len({key.prefix for key in made_keys}) == 200
    secrets = {key.text.rpartition("_")[2] for key in made_keys}
    assert len(secrets) == 200
    assert all(len(bytes.fromhex(secret)) == 32 for secret in secrets)


@pytest.mark.parametrize("kind", [Client, WithKey])
def test_t7_a_key_signs_in_by_either_header(api: Client, world: World, kind: type[Client]) -> None:
    key = made(api)

    me = json_of(kind(key["key"]).get("/me"))

    assert (me["id"], me["permissions"]) == (str(world.users["ada"]), ["ledger.view"])
    assert me["grants"] == [
        {"role": "administrator", "permissions": ["ledger.view"], "location": None, "group": None, "valid_until": None}
    ]


def test_t7_a_key_does_what_it_is_for_and_the_trail_names_it(api: Client, world: World) -> None:
    key = made(api, permissions=["ledger.view", "parties.edit"])
    client = Client(key["key"])

    assert client.get("/ledger/balances").status_code == 200
    assert client.get("/parties/parties").status_code == 403
    assert client.post("/parties/parties", {"code": "ACME", "name": "Acme"}).status_code == 201
    event = AuditEvent.objects.get(action="party.created")
    assert (event.actor_id, event.session_id) == (world.users["ada"], UUID(key["id"]))


SPOILT: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "start": lambda _: "inv_",
    "cut": lambda key: key[:-1],
    "longer": lambda key: key + "0",
    "last digit": lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
    "upper case": lambda key: key.upper(),
    "other prefix": lambda key: "inv_" + "0" * 12 + key[16:],
    "no secret": lambda key: f"{key[:16]}_",
    "zero secret": lambda key: f"{key[:16]}_" + "0" * 64,
    "null secret": lambda key: f"{key[:16]}_null",
    "null": lambda _: "null",
    "array": lambda _: "[]",
    "twice": lambda key: f"{key},{key}",
}


@pytest.mark.parametrize("how", SPOILT)
def test_t7_whatever_is_not_the_key_is_nobody(api: Client, how: str) -> None:
    key = made(api)

    answer = WithKey(SPOILT[how](key["key"])).get("/me")

    assert refusal(answer) == (401, "not_authenticated", [])
    assert json_of(answer)["detail"] == "This is not an API key of ours."
    assert answer["WWW-Authenticate"] == "Bearer"
    assert ApiKey.objects.get().last_used_at is None


def test_t7_an_empty_digest_in_the_database_lets_nobody_in(api: Client) -> None:
    key = made(api)
    ApiKey.objects.update(digest=b"")

    for text in (key["key"], f"inv_{key['prefix']}_", ""):
        assert WithKey(text).get("/me").status_code == 401


def test_t7_a_digest_that_was_moved_to_another_prefix_lets_nobody_in(api: Client, as_user: Any) -> None:
    mine, other = made(as_user("vera")), made(api)
    ApiKey.objects.filter(pk=other["id"]).update(digest=api_keys.digest_of(mine["key"]))

    assert WithKey(f"inv_{other['prefix']}_{mine['key'].rpartition('_')[2]}").get("/me").status_code == 401


def test_t7_two_credentials_are_none(api: Client) -> None:
    key = made(api)["key"]

    class Both(Client):
        def _headers(self, given: Any) -> dict[str, str]:
            return {**given, "Api-Key": key, "Authorization": f"Bearer {key}"}

    assert Both("").get("/me").status_code == 401


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"expires_at": "2020-01-01T00:00:00Z", "created_at": "2019-01-01T00:00:00Z"}, "has expired"),
        ({"revoked_at": "2020-01-01T00:00:00Z"}, "was revoked"),
        ({"networks": ["192.0.2.0/24", "2001:db8::/32"]}, "does not work from this address"),
    ],
)
def test_t7_a_key_that_ended_or_is_elsewhere_is_refused(api: Client, change: dict[str, Any], reason: str) -> None:
    key = made(api)
    ApiKey.objects.update(**change)

    answer = Client(key["key"]).get("/me")

    assert (answer.status_code, reason in json_of(answer)["detail"]) == (401, True)


def test_t7_an_address_list_knows_its_networks() -> None:
    networks = ("192.0.2.0/24", "2001:db8::/32")

    for ip in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"):
        assert api_keys.is_among(ip, networks), ip
        assert not api_keys.is_among(ip, ()), ip
    for other in ("192.0.3.1", "", None, "unknown", "192.0.2.7, 10.0.0.1"):
        assert not api_keys.is_among(other, networks), other


def test_t7_a_key_works_from_its_networks(api: Client) -> None:
    key = made(api, networks=["127.0.0.1"])

    assert key["networks"] == ["127.0.0.1/32"]
    assert Client(key["key"]).get("/me").status_code == 200


def test_a7_a_key_is_dead_with_the_next_request_after_its_owner_is_disabled(api: Client, world: World) -> None:
    service(world, "viewer")
    key = Client(made(api, user="user:erp")["key"])
    assert key.get("/me").status_code == 200

    disabled = api.post("/identity/service-accounts/user:erp/disable", None)

    assert disabled.status_code == 200
    assert (key.get("/me").status_code, key.get("/ledger/balances").status_code) == (401, 401)
    api.post("/identity/service-accounts/user:erp/enable", None)
    assert key.get("/me").status_code == 200


def test_a7_what_the_owner_loses_the_key_loses_with_the_next_request(api: Client, world: World) -> None:
    service(world, "viewer")
    key = Client(made(api, user="user:erp")["key"])
    assert key.get("/ledger/balances").status_code == 200

    Binding.objects.filter(user_id=world.users["erp"]).delete()

    assert key.get("/ledger/balances").status_code == 403
    assert json_of(key.get("/me"))["permissions"] == []


def test_a7_a_revoked_key_is_dead_and_stays_it(api: Client) -> None:
    key = made(api)

    answers = [api.post(f"/identity/keys/{key['id']}/revoke", None) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert json_of(answers[0])["revoked_at"] == json_of(answers[1])["revoked_at"] is not None
    assert Client(key["key"]).get("/me").status_code == 401
    assert AuditEvent.objects.filter(action="api_key.revoked").count() == 1


@pytest.mark.parametrize(
    ("owner_at", "key_at", "expected"),
    [
        (None, None, {"A1", "A2", "B1", "everywhere"}),
        (None, "A", {"A1", "A2"}),
        ("A", None, {"A1", "A2"}),
        ("A", "A", {"A1", "A2"}),
        ("A", "A1", {"A1"}),
        ("A1", "A", {"A1"}),
    ],
)
def test_a6_a_key_reaches_where_both_it_and_its_owner_reach(
    api: Client, world: World, owner_at: str | None, key_at: str | None, expected: set[str]
) -> None:
    service(world, "viewer", world.locations[owner_at] if owner_at else None)
    key = made(api, user="user:erp", location=f"loc:{key_at}" if key_at else None)

    grants = json_of(Client(key["key"]).get("/me"))["grants"]

    (grant,) = grants
    place = grant["location"]
    reached = set(
        LocationClosure.objects.filter(ancestor__code=place["code"]).values_list("descendant__code", flat=True)
        if place
        else ["everywhere", "A1", "A2", "B1"]
    )
    assert reached & {"A1", "A2", "B1", "everywhere"} == expected


_PLACES = st.sampled_from([None, "A", "A1", "A2", "B", "B1"])
_CODES = st.sets(st.sampled_from(["ledger.view", "ledger.post", "catalog.view", "parties.edit"]), min_size=1)


# A role, where, and whether through a group.
_BOUND = st.lists(
    st.tuples(st.sampled_from(["viewer", "planner", "picker"]), _PLACES, st.booleans()), unique=True, max_size=4
)


@given(bound=_BOUND, at=_PLACES, codes=_CODES)
def test_a6_no_key_is_ever_wider_than_its_owner(
    world: World, bound: list[tuple[str, str | None, bool]], at: str | None, codes: set[str]
) -> None:
    owner = User.objects.filter(username="erp").first() or service(world, None)
    group = Group.objects.filter(code="programs").first() or make_group("programs", owner.pk)
    Binding.objects.filter(Q(user=owner) | Q(group=group)).delete()
    ApiKey.objects.filter(user=owner).delete()
    for role, place, is_shared in bound:
        bind(
            user_id=None if is_shared else owner.pk,
            group_id=group.pk if is_shared else None,
            role_code=role,
            location_id=world.locations[place] if place else None,
        )
    now = timezone.now()
    made_key = api_keys.make_key()
    ApiKey.objects.create(
        user=owner,
        name="any",
        prefix=made_key.prefix,
        digest=made_key.digest,
        permissions=sorted(codes),
        location_id=world.locations[at] if at else None,
        created_at=now,
        expires_at=now + timedelta(days=1),
    )

    found = queries.find_key(prefix=made_key.prefix, at=now)

    assert found is not None
    mine, theirs = reach(found.principal.grants), reach(grants_of(user_id=owner.pk, at=now))
    below = None if at is None else reached_from(world.locations[at])
    expected = {(code, place) for code, place in theirs if code in codes and (below is None or place in below)}
    assert mine == expected


def reached_from(place: UUID) -> set[UUID | None]:
    return set(LocationClosure.objects.filter(ancestor_id=place).values_list("descendant_id", flat=True))


def reach(grants: Any) -> set[tuple[str, UUID | None]]:
    """Return every pair of a permission and a place (None: what lies nowhere) that grants allow."""
    every = {None, *LocationClosure.objects.values_list("descendant_id", flat=True)}
    return {
        (code, place)
        for grant in grants.items
        for code in grant.permissions
        for place in (every if grant.location_id is None else reached_from(grant.location_id))
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"permissions": []}, [("#/permissions", "invalid")]),
        ({"permissions": ["ledger.pots"]}, [("#/permissions/0", "unknown_permission")]),
        ({"permissions": ["ledger.view", "ledger.post"]}, [("#/permissions/1", "not_held")]),
        ({"expires_at": "2020-01-01T00:00:00Z"}, [("#/expires_at", "bad_expiry")]),
        ({"expires_at": "9999-01-01T00:00:00Z"}, [("#/expires_at", "bad_expiry")]),
        ({"expires_at": None}, [("#/expires_at", "invalid")]),
        ({"networks": ["192.0.2.7/24", "192.0.2.0/24"]}, [("#/networks/0", "invalid_network")]),
        ({"networks": ["everywhere"]}, [("#/networks/0", "invalid")]),
        ({"location": "loc:NOWHERE"}, [("#/location", "unknown_location")]),
        ({"location": "nonsense"}, [("#/location", "unknown_selector")]),
        ({"user": "user:ada"}, [("#/user", "unknown_user")]),
        ({"prefix": "000000000000"}, [("#/prefix", "unknown_parameter")]),
        ({"key": "inv_mine"}, [("#/key", "unknown_parameter")]),
    ],
)
def test_t7_a_refused_key_is_not_made(
    as_user: Callable[[str], Client], changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    answer = as_user("vera").post("/identity/keys", body(**changes))

    assert (answer.status_code, refusal(answer)[2]) == (400, expected)
    assert ApiKey.objects.count() == 0
    assert not AuditEvent.objects.filter(object_type="api_key").exists()


def test_t7_an_expiry_is_mandatory(api: Client) -> None:
    answer = api.post("/identity/keys", {"name": "ERP", "permissions": ["ledger.view"]})

    assert refusal(answer) == (400, "required", [("#/expires_at", "required")])
    assert ApiKey.objects.count() == 0


def test_a3_a_location_out_of_sight_is_told_like_none(world: World, as_user: Callable[[str], Client]) -> None:
    codes = ("B", "B1", "NOWHERE")

    answers = [as_user("alan").post("/identity/keys", body(location=f"loc:{code}")) for code in codes]

    texts = {
        answer.content.replace(f"location loc:{code}".encode(), b"X").partition(b"request_id")[0]
        for answer, code in zip(answers, codes, strict=True)
    }
    assert [refusal(answer)[:2] for answer in answers] == [(400, "unknown_location")] * 3
    assert len(texts) == 1
    assert ApiKey.objects.count() == 0


def test_a6_a_key_makes_no_key_and_does_not_change_its_owner(api: Client) -> None:
    key = Client(made(api, permissions=["identity.manage_keys", "identity.manage_users", "ledger.view"])["key"])

    assert refusal(key.post("/identity/keys", body())) == (401, "proof_too_old", [])
    assert refusal(key.patch("/me", {"name": "Eve"}, version=1)) == (403, "session_required", [])
    assert ApiKey.objects.count() == 1
    assert User.objects.get(username="ada").name == "Ada"


def test_a6_a_key_neither_sees_nor_ends_the_sessions_of_its_owner(api: Client) -> None:
    key = Client(made(api, permissions=["ledger.view"])["key"])
    (session,) = json_of(api.get("/identity/sessions"))["results"]

    tried = [
        key.get("/identity/sessions"),
        key.delete(f"/identity/sessions/{session['id']}"),
        key.get("/identity/factors"),
        key.post("/identity/proof", {"password": PASSWORD}),
        key.post("/identity/password", {"current_password": PASSWORD, "new_password": "a new one, long enough"}),
    ]

    assert [refusal(answer)[:2] for answer in tried] == [(403, "session_required")] * len(tried)
    assert api.get("/me").status_code == 200


def test_a6_a_narrowed_key_does_not_take_its_owner_over(api: Client, world: World) -> None:
    key = Client(made(api, permissions=["identity.manage_users", "identity.view_users"])["key"])

    patched = key.patch(f"/identity/users/{world.users['ada']}", {"email": "eve@example.com"}, version=1)
    disabled = key.post(f"/identity/users/{world.users['ada']}/disable", None)

    assert refusal(patched) == refusal(disabled) == (401, "proof_too_old", [])
    ada = User.objects.get(username="ada")
    assert (ada.email, ada.is_active, ada.version) == ("", True, 1)


def test_a6_nobody_makes_a_key_of_somebody_who_holds_more(world: World, as_user: Callable[[str], Client]) -> None:
    manages_keys_at(world, "alan", "A")
    service(world, "administrator", world.locations["A"])

    answer = as_user("alan").post("/identity/keys", body(user="user:erp"))

    assert refusal(answer) == (403, "holds_more", [])
    assert ApiKey.objects.count() == 0


def test_a6_nobody_revokes_a_key_of_somebody_who_holds_more(
    api: Client, world: World, as_user: Callable[[str], Client]
) -> None:
    manages_keys_at(world, "alan", "A")
    service(world, "administrator", world.locations["A"])
    key = made(api, user="user:erp")

    answer = as_user("alan").post(f"/identity/keys/{key['id']}/revoke", None)

    assert refusal(answer) == (403, "holds_more", [])
    assert ApiKey.objects.get().revoked_at is None


def test_who_manages_keys_makes_them_for_those_they_cover(world: World, as_user: Callable[[str], Client]) -> None:
    manages_keys_at(world, "alan", "A")
    service(world, "picker", world.locations["A1"])

    key = made(as_user("alan"), user="user:erp", permissions=["ledger.post"])

    me = json_of(Client(key["key"]).get("/me"))
    assert [(grant["permissions"], grant["location"]["code"]) for grant in me["grants"]] == [(["ledger.post"], "A1")]


def test_a3_keys_of_others_do_not_exist_for_who_does_not_manage_them(
    api: Client, world: World, as_user: Callable[[str], Client]
) -> None:
    theirs, own = made(api), made(as_user("vera"))
    vera = as_user("vera")

    listed = json_of(vera.get("/identity/keys"))["results"]

    assert [key["id"] for key in listed] == [own["id"]]
    assert [key["id"] for key in json_of(api.get("/identity/keys"))["results"]] == [own["id"], theirs["id"]]
    absent = "01900000-0000-7000-8000-000000000000"
    for id_ in (theirs["id"], absent):
        assert blank(vera.get(f"/identity/keys/{id_}")) == (404, "not_found")
        assert blank(vera.post(f"/identity/keys/{id_}/revoke", None)) == (404, "not_found")
    assert ApiKey.objects.get(pk=theirs["id"]).revoked_at is None


def test_a3_a_key_limited_to_another_warehouse_is_not_listed(
    api: Client, world: World, as_user: Callable[[str], Client]
) -> None:
    manages_keys_at(world, "alan", "A")
    erp = service(world, "viewer", world.locations["A"])
    bind(user_id=erp.pk, role_code="viewer", location_id=world.locations["B"])
    here = made(api, user="user:erp", location="loc:A1")
    made(api, user="user:erp", location="loc:B1")

    listed = as_user("alan").get("/identity/keys")

    assert [key["id"] for key in json_of(listed)["results"]] == [here["id"]]


def test_a_key_sees_itself_among_its_owners_keys(api: Client) -> None:
    first, _ = made(api), made(api)

    assert [key["id"] for key in json_of(Client(first["key"]).get("/identity/keys"))["results"]] == [first["id"]]


def test_keys_are_filtered(api: Client, world: World) -> None:
    service(world, "viewer")
    mine, theirs = made(api, name="Mine"), made(api, name="Theirs", user="user:erp")
    api.post(f"/identity/keys/{theirs['id']}/revoke", None)

    def listed(**query: str) -> list[str]:
        return [key["name"] for key in json_of(api.get("/identity/keys", **query))["results"]]

    assert listed(user="user:erp") == listed(prefix=theirs["prefix"]) == listed(state="ended") == ["Theirs"]
    assert listed(state="live") == listed(name__icontains="mINE") == listed(user=str(world.users["ada"])) == ["Mine"]
    assert listed(sort="expires_at") == ["Mine", "Theirs"]
    assert mine["name"] == "Mine"
    assert refusal(api.get("/identity/keys", user="erp")) == (400, "unknown_selector", [("?user", "unknown_selector")])


def test_t7_last_used_is_noted_at_most_once_a_minute(api: Client) -> None:
    key = made(api)
    client = Client(key["key"])
    client.get("/me")
    first = ApiKey.objects.get().last_used_at

    with CaptureQueriesContext(connection) as ran:
        client.get("/me")

    assert first is not None
    assert ApiKey.objects.get().last_used_at == first
    assert [query["sql"] for query in ran if query["sql"].lstrip().startswith("UPDATE")] == []
    ApiKey.objects.update(last_used_at=first - timedelta(minutes=1))
    client.get("/me")
    later = ApiKey.objects.get().last_used_at
    assert isinstance(later, datetime)
    assert later > first


def test_t7_a_request_with_a_key_is_authenticated_by_one_query(api: Client) -> None:
    client = Client(made(api)["key"])
    client.get("/me")

    with CaptureQueriesContext(connection) as ran:
        client.get("/ledger/balances")
    with CaptureQueriesContext(connection) as with_token:
        api.get("/ledger/balances")

    assert len(ran) == len(with_token)


def test_a_key_of_a_disabled_owner_is_not_made(api: Client, world: World) -> None:
    service(world, "viewer")
    api.post("/identity/service-accounts/user:erp/disable", None)

    answer = api.post("/identity/keys", body(user="user:erp"))

    assert refusal(answer) == (409, "owner_disabled", [])
    assert ApiKey.objects.count() == 0


def blank(answer: HttpResponse) -> tuple[int, str]:
    return refusal(answer)[:2]


def manages_keys_at(world: World, username: str, place: str) -> None:
    codes = ["identity.manage_keys", "identity.manage_users", "identity.view_users"]
    role, _ = Role.objects.get_or_create(code="site-admin", defaults={"name": "Site admin", "permissions": codes})
    bind(user_id=world.users[username], role_code=role.code, location_id=world.locations[place])
