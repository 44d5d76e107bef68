"""What the actions of the matrix are done to: made through the API where it can be, and put in its state past it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from apps.catalog.models import Item, Unit
from apps.common.errors import Invalid
from apps.common.models import Entity
from apps.identity.models import (
    ApiKey,
    Group,
    GroupMember,
    Provider,
    ScimGroup,
    ScimUser,
    Session,
    Totp,
    User,
)
from apps.identity.tests.keys import key_of
from apps.identity.tests.sso import make_provider
from apps.identity.types import UserKind
from apps.locations.models import Location
from apps.parties.models import Party
from audit.django.models import AuditEvent
from rbac.django.actions import bind
from rbac.django.models import Binding, Role
from tests.answers import json_of
from tests.client import Client
from tests.security.asking import token_of
from tests.security.matrix import RELATIONS, Action, Scene
from tests.world import PASSWORD

_ARCHIVABLE: Final[dict[str, type[Entity]]] = {"item": Item, "unit": Unit, "party": Party}
# Shorter than the shortest interval at which a key could be made, and longer than the tests take.
LIFE: Final = timedelta(days=1)


def build(api: Client) -> Scene:
    """Make zones with stock and people in the two warehouses of the world, and one of each thing that lies nowhere."""
    found = Location.objects.filter(code__in=["A", "B"])
    ids = {place.code: str(place.pk) for place in found}
    for code, kind, parent in (("Z1", "zone", "A"), ("Z2", "zone", "A"), ("Z1B", "bin", "Z1"), ("Z1M", "bin", "Z1")):
        ids[code] = _made(
            api, "/locations/locations", {"code": code, "name": code, "kind": kind, "parent": ids[parent]}
        )
    for noun, path, body in (
        ("ITEM", "/catalog/items", {"sku": "ITEM", "name": "Item", "base_unit": "ea"}),
        ("UNIT", "/catalog/units", {"code": "UNIT", "name": "Unit", "dimension": "count"}),
        ("PARTY", "/parties/parties", {"code": "PARTY", "name": "Party"}),
    ):
        ids[noun] = _made(api, path, body)
    receipts = {}
    for place in (*dict.fromkeys(RELATIONS.values()), "Z1M"):
        line = {"item": "sku:BOLT", "quantity": "5", "to_location": ids[place]}
        receipts[place] = _made(api, "/ledger/transactions", {"kind": "receipt", "lines": [line]})
        ids |= _people_of(place, UUID(ids[place]))
    return Scene(ids=ids | _access(), receipts=receipts)


def worker(role: str, relation: str, scene: Scene) -> tuple[UUID, str]:
    """Return a user who holds the role where the relation says, and a token of theirs."""
    user = _user(f"{role}-{relation}")
    if relation != "none":
        place = None if relation == "root" else UUID(scene.ids["Z1"])
        bind(user_id=user.pk, role_code=role, location_id=place)
    return user.pk, token_of(user.username)


def put_in_state(api: Client, action: Action, scene: Scene, place: str, state: str, *, caller: UUID) -> str:
    """Put the object of an action in a state; what is not listed here it is in already.

    Returns what the caller asks with in this state, where that is not the token.
    """
    noun = action.name.partition(".")[0]
    if state == "archived":
        model = _ARCHIVABLE.get(noun, Location)
        key = noun.upper() if noun in _ARCHIVABLE else place
        model._default_manager.filter(  # noqa: SLF001  (Django's public name)
            pk=scene.ids[key]
        ).update(archived_at=timezone.now())
    elif state == "reversed":
        path = f"/ledger/transactions/{scene.receipts[place]}/reverse"
        assert api.post(path, {"reason": "mistake"}).status_code == 201
    elif state in {"client", "key"}:
        Provider.objects.filter(pk=scene.ids["PROVIDER"]).update(scim_client_id=caller)
        return _key_for_scim(caller) if state == "key" else ""
    elif (noun, state) in _STATES:
        _STATES[noun, state](scene, place)
    return ""


def _key_for_scim(caller: UUID) -> str:
    """Return a key that was made for SCIM; nothing for who holds too little to be given one."""
    try:
        return key_of(User.objects.get(pk=caller), "identity.scim")
    except Invalid:
        return ""


def _made(api: Client, path: str, body: object) -> str:
    answer = api.post(path, body)
    assert answer.status_code == 201, answer.content
    return str(json_of(answer)["id"])


def _user(username: str, kind: UserKind = UserKind.PERSON) -> User:
    user = User(username=username, name=username, kind=kind.value, email=f"{username}@example.com".lower())
    if kind == UserKind.SERVICE:
        user.email = ""
        user.set_unusable_password()
    else:
        user.set_password(PASSWORD)
    user.save(force_insert=True)
    return user


def _people_of(place: str, location_id: UUID) -> dict[str, str]:
    person, service = _user(f"P-{place}"), _user(f"S-{place}", UserKind.SERVICE)
    Totp.objects.create(user=person, secret=b"sealed", confirmed_at=timezone.now())
    bind(user_id=service.pk, role_code="viewer", location_id=location_id)
    binding = bind(user_id=person.pk, role_code="viewer", location_id=location_id)
    key = ApiKey.objects.create(
        user=person,
        name=place,
        prefix=f"scene-{place}",
        digest=b"none",
        permissions=["ledger.view"],
        location_id=location_id,
        expires_at=timezone.now() + LIFE,
    )
    return {
        f"P-{place}": str(person.pk),
        f"S-{place}": str(service.pk),
        f"BINDING-{place}": str(binding.pk),
        f"KEY-{place}": str(key.pk),
    }


def _access() -> dict[str, str]:
    newcomer = _user("newcomer")
    token_of("newcomer")
    # The first two have users whom they made.
    providers = [make_provider(f"https://{code}.example.com", code=code, is_enabled=False) for code in "abc"]
    ours, theirs = (
        ScimUser.objects.create(provider=each, user=_user(f"scim-{each.code}"), attributes={}) for each in providers[:2]
    )
    return {
        "NEWCOMER": str(newcomer.pk),
        "SESSION": str(Session.objects.get(user=newcomer).pk),
        "GROUP": str(Group.objects.create(code="crew", name="Crew").pk),
        "ROLE": str(Role.objects.create(code="watcher", name="Watcher", permissions=["ledger.view"]).pk),
        "PROVIDER": str(providers[0].pk),
        "UNUSED": str(providers[2].pk),
        "EVENT": str(AuditEvent.objects.latest("seq").event_id),
        "SCIM-USER": str(ours.pk),
        "SCIM-GROUP": str(ScimGroup.objects.create(provider=providers[0], display_name="crew").pk),
        "OTHERS-USER": str(theirs.pk),
    }


def _used(scene: Scene, place: str) -> None:
    del place
    bind(group_id=UUID(scene.ids["GROUP"]), role_code="viewer", location_id=UUID(scene.ids["Z1"]))
    GroupMember.objects.create(group_id=scene.ids["GROUP"], user_id=scene.ids["NEWCOMER"])


def _also_everywhere(code: str) -> Callable[[Scene, str], None]:
    def put(scene: Scene, place: str) -> None:
        bind(user_id=UUID(scene.ids[f"{code}-{place}"]), role_code="viewer", location_id=None)

    return put


def _disabled(code: str) -> Callable[[Scene, str], None]:
    def put(scene: Scene, place: str) -> None:
        User.objects.filter(pk=scene.ids[f"{code}-{place}"]).update(is_active=False)

    return put


def _ended(scene: Scene, place: str) -> None:
    at = timezone.now() - timedelta(seconds=1)
    Binding.objects.filter(pk=scene.ids[f"BINDING-{place}"]).update(valid_until=at)


def _taken(scene: Scene, place: str) -> None:
    bind(user_id=UUID(scene.ids["NEWCOMER"]), role_code="viewer", location_id=UUID(scene.ids[place]))


def _bound(scene: Scene, place: str) -> None:
    del place
    bind(user_id=UUID(scene.ids["NEWCOMER"]), role_code="watcher", location_id=None)


def _builtin(scene: Scene, place: str) -> None:
    del place
    Role.objects.filter(pk=scene.ids["ROLE"]).update(is_builtin=True)


def _on(scene: Scene, place: str) -> None:
    del place
    Provider.objects.filter(pk__in=[scene.ids["PROVIDER"], scene.ids["UNUSED"]]).update(is_enabled=True)


def _revoked(scene: Scene, place: str) -> None:
    ApiKey.objects.filter(pk=scene.ids[f"KEY-{place}"]).update(revoked_at=timezone.now())


_STATES: Final[dict[tuple[str, str], Callable[[Scene, str], None]]] = {
    ("user", "disabled"): _disabled("P"),
    ("user", "also_everywhere"): _also_everywhere("P"),
    ("service", "disabled"): _disabled("S"),
    ("service", "also_everywhere"): _also_everywhere("S"),
    ("key", "disabled"): _disabled("P"),
    ("key", "also_everywhere"): _also_everywhere("P"),
    ("key", "owner_also_everywhere"): _also_everywhere("P"),
    ("key", "revoked"): _revoked,
    ("binding", "ended"): _ended,
    ("explain", "ended"): _ended,
    ("binding", "taken"): _taken,
    ("group", "used"): _used,
    ("role", "bound"): _bound,
    ("role", "builtin"): _builtin,
    ("provider", "on"): _on,
}
