"""Parties: the plainest resource."""

from apps.parties.models import Party
from audit.django.models import AuditEvent
from tests.answers import json_of
from tests.client import Client
from tests.world import World


def test_a_party_is_created_found_and_changed(api: Client, world: World) -> None:
    made = api.post(
        "/parties/parties", {"code": "ACME", "name": "Acme", "external_refs": [{"system": "crm", "id": "9"}]}
    )
    changed = api.patch("/parties/parties/ext:crm:9", {"external_refs": [{"system": "crm", "id": "10"}]}, version=1)

    assert (made.status_code, changed.status_code) == (201, 200)
    found = json_of(api.get("/parties/parties/ext:crm:10"))
    assert (found["code"], found["version"]) == ("ACME", 2)
    assert api.get("/parties/parties/ext:crm:9").status_code == 404
    created, renamed = AuditEvent.objects.filter(object_type="party").order_by("seq")
    assert [(event.action, event.actor_id) for event in (created, renamed)] == [
        ("party.created", world.users["ada"]),
        ("party.changed", world.users["ada"]),
    ]
    refs = [
        state and state["external_refs"] for state in (created.before, created.after, renamed.before, renamed.after)
    ]
    assert refs == [None, {"crm": "9"}, {"crm": "9"}, {"crm": "10"}]


def test_a_reference_that_is_taken_undoes_everything(api: Client) -> None:
    ref = [{"system": "crm", "id": "9"}]
    api.post("/parties/parties", {"code": "ACME", "name": "Acme", "external_refs": ref})
    before = AuditEvent.objects.count()

    answer = api.post("/parties/parties", {"code": "OTHER", "name": "Other", "external_refs": ref})

    assert (answer.status_code, json_of(answer)["code"]) == (409, "duplicate")
    assert (Party.objects.filter(code="OTHER").count(), AuditEvent.objects.count()) == (0, before)
