"""A3: who is bound to one warehouse gets the same answers whether or not anything is in another one.

Each example asks the same thing twice: once while things are in warehouse B whose names, ids and texts are canaries,
and once when they never were. That covers lists, counts, sums, filters, sorts, errors and addresses at once: an answer
that depends on what is in B differs, and one that shows it sings.
"""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.identity.tests.hiring import hire, make_role
from apps.ledger.tests.posting import Move, post
from apps.ledger.tests.test_properties import undone
from apps.locations.models import Location
from rbac.django.actions import bind
from tests.answers import json_of
from tests.client import Client
from tests.schema import GOLDEN
from tests.world import World

_DOCUMENT: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
OPERATIONS = sorted(path for path, methods in _DOCUMENT["paths"].items() if "get" in methods)
# What is planted in B, by the name under which examples ask for it.
PLANTED = ("location", "location_code", "location_ref", "transaction", "balance", "binding", "sequence", "text")
PLAIN = ("loc:A1", "A1", "A", "sku:BOLT", "user:vera", "role:picker", "ledger.post", "true", "false", "exact", "1", "x")
TIMES = ("2999-01-01T00:00:00Z",)
TEXT = "zzcanary"

type Canaries = dict[str, str]


@pytest.fixture
def warden(world: World) -> Client:
    """A client of somebody who may do everything in warehouse A."""
    everything = ("identity.manage_roles", "identity.manage_users", "identity.view_roles", "identity.view_users")
    make_role("warden", *everything)
    post(world, [Move(quantity=5, source="SUPPLIER", target="A1")])
    post(world, [Move(item="COFFEE", lot="L1", quantity=5, source="SUPPLIER", target="A2")])
    bind(user_id=world.users["vera"], role_code="picker", location_id=world.locations["A1"])
    return hire(world, "wanda", ("administrator", "A"), ("warden", "A"))


def plant(api: Client, world: World) -> Canaries:
    """Put things into warehouse B, and return their names and ids."""
    made = api.post(
        "/locations/locations",
        {
            "code": f"{TEXT}-bin",
            "name": TEXT,
            "kind": "bin",
            "parent": "loc:B",
            "external_refs": [{"system": "wms", "id": TEXT}],
        },
    )
    assert made.status_code == 201, made.content
    posted = api.post(
        "/ledger/transactions",
        {
            "kind": "receipt",
            "reference": TEXT,
            "note": TEXT,
            "reason": TEXT,
            "lines": [
                {"item": "sku:BOLT", "quantity": "7", "from_location": "loc:SUPPLIER", "to_location": target}
                for target in (f"loc:{TEXT}-bin", "loc:B1")
            ],
        },
    )
    assert posted.status_code == 201, posted.content
    place = json_of(made)["id"]
    (balance,) = json_of(api.get("/ledger/balances", location=f"loc:{TEXT}-bin"))["results"]
    binding = bind(user_id=world.users["vera"], role_code="picker", location_id=Location.objects.get(pk=place).pk)
    return {
        "location": place,
        "location_code": f"loc:{TEXT}-bin",
        "location_ref": f"ext:wms:{TEXT}",
        "transaction": json_of(posted)["id"],
        "balance": balance["id"],
        "binding": str(binding.pk),
        "sequence": str(json_of(posted)["sequence"]),
        "text": TEXT,
    }


def told(answer: HttpResponse) -> tuple[int, Any]:
    """Return an answer without what differs between any two: the request's id, and a page's seal."""
    body = json_of(answer) if answer.content else None
    if isinstance(body, dict):
        body.pop("request_id", None)
        for link in ("next", "previous"):
            if isinstance(body.get(link), str):
                body[link] = body[link].partition("cursor=")[0]
    return answer.status_code, body


def songs(body: Any, canaries: Canaries, world: World, asked: set[str]) -> set[str]:
    """Return what of B is in an answer, other than what the request itself said."""
    secret = {*canaries.values(), str(world.locations["B"]), str(world.locations["B1"])} - {canaries["sequence"]}
    text = json.dumps(body)
    return {each for each in secret if each in text and not any(each in said for said in asked)}


def _values(schema: dict[str, Any]) -> list[str]:
    """Return the values that a parameter's schema lists, wherever in it."""
    found = [str(value) for value in schema.get("enum", [])]
    for part in (*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])):
        found += _values(part)
    return found


@st.composite
def requests(draw: st.DrawFn, path: str) -> tuple[dict[str, str], dict[str, str]]:
    """Draw what stands in a path, and its query; a planted thing stands as `@` and its name."""
    parameters = _DOCUMENT["paths"][path]["get"].get("parameters", [])
    planted = st.sampled_from([f"@{name}" for name in PLANTED])
    inside = {each["name"]: draw(planted) for each in parameters if each["in"] == "path"}
    queried = [each for each in parameters if each["in"] == "query"]
    required = [each for each in queried if each.get("required")]
    chosen = (
        draw(st.lists(st.sampled_from(queried), max_size=3, unique_by=lambda each: each["name"])) if queried else []
    )
    query = {}
    for each in (*required, *chosen):
        plain = st.sampled_from([*PLAIN, *TIMES, *_values(each.get("schema", {}))])
        query[each["name"]] = draw(planted | plain)
    return inside, query


@pytest.mark.parametrize("path", OPERATIONS)
@settings(max_examples=8)  # an example is eight requests
@given(data=st.data())
def test_a3_no_answer_depends_on_what_is_in_another_warehouse(
    api: Client, warden: Client, world: World, path: str, data: st.DataObject
) -> None:
    inside, query = data.draw(requests(path))
    canaries: Canaries = {}

    def ask() -> HttpResponse:
        def meant(text: str) -> str:
            return canaries[text[1:]] if text.startswith("@") else text

        address = path.removeprefix("/api/v1")
        for name, value in inside.items():
            address = address.replace(f"{{{name}}}", meant(value))
        return warden.get(address, **{name: meant(value) for name, value in query.items()})

    with undone():
        canaries |= plant(api, world)
        with_canaries = told(ask())
    without = told(ask())

    asked = {canaries[value[1:]] for value in (*inside.values(), *query.values()) if value.startswith("@")}
    assert with_canaries == without
    assert songs(with_canaries[1], canaries, world, asked) == set()


WRITES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/locations/locations", {"code": "NEW", "name": "New", "kind": "bin", "parent": "@location_code"}),
    ("PATCH", "/locations/locations/loc:A1", {"parent": "@location"}),
    ("PATCH", "/locations/locations/@location_ref", {"name": "Mine"}),
    ("DELETE", "/locations/locations/@location_code", None),
    ("POST", "/locations/locations/@location/archive", {}),
    ("POST", "/identity/bindings", {"user": "user:vera", "role": "role:viewer", "location": "@location_code"}),
    ("POST", "/identity/bindings", {"user": "user:vera", "role": "role:viewer", "location": "@location"}),
    ("DELETE", "/identity/bindings/@binding", None),
    ("POST", "/ledger/transactions/@transaction/reverse", {"reason": "mine"}),
    (
        "POST",
        "/ledger/transactions",
        {
            "kind": "transfer",
            "lines": [
                {"item": "sku:BOLT", "quantity": "1", "from_location": "@location_code", "to_location": "loc:A1"},
                {"item": "sku:BOLT", "quantity": "1", "from_location": "loc:A1", "to_location": "@location_ref"},
            ],
        },
    ),
]


@pytest.mark.parametrize(("method", "address", "body"), WRITES)
def test_a3_no_write_names_what_is_in_another_warehouse(
    api: Client, warden: Client, world: World, method: str, address: str, body: dict[str, Any] | None
) -> None:
    canaries: Canaries = {}

    def send() -> HttpResponse:
        path, text = address, json.dumps(body)
        for name in sorted(PLANTED, key=len, reverse=True):
            path, text = path.replace(f"@{name}", canaries[name]), text.replace(f"@{name}", canaries[name])
        version = int(json_of(warden.get("/locations/locations/loc:A1"))["version"])
        if method == "DELETE":
            return warden.delete(path, version=version)
        if method == "PATCH":
            return warden.patch(path, json.loads(text), version=version)
        return warden.post(path, json.loads(text))

    with undone():
        canaries |= plant(api, world)
        before = sorted(Location.objects.values_list("code", "parent__code", "name", "archived_at"), key=str)
        with_canaries = told(send())
        assert sorted(Location.objects.values_list("code", "parent__code", "name", "archived_at"), key=str) == before
    without = told(send())

    assert with_canaries == without
    assert with_canaries[0] in {400, 404}
    assert songs(with_canaries[1], canaries, world, set(canaries.values())) == set()
