"""A small company: two warehouses, items of each kind of tracking, and the people who work there."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from apps.catalog.models import Item, ItemUnit, Lot, Serial, Unit
from apps.catalog.types import Tracking
from apps.identity.models import User
from apps.identity.permissions import BUILTIN_ROLES
from apps.locations.models import Location, LocationClosure
from apps.locations.types import LocationKind as Kind
from apps.parties.models import Party
from rbac.django.actions import bind, sync_builtin_roles

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, kw_only=True)
class World:
    """Ids by code: what exists before a test begins.

    Items: BOLT (ea), COFFEE (kg, by lot L1 and L2; a case is 12.5 kg), SCANNER (ea, by serial S1 to S3).
    Locations: warehouse A with bins A1 and A2, warehouse B with bin B1, LAX (in A) which may go below zero.
    Users: ada administers everything, alan manages warehouse A, vera may only look. Owner: CONSIGNOR.
    """

    items: dict[str, UUID]
    units: dict[str, UUID]
    lots: dict[str, UUID]
    serials: dict[str, UUID]
    locations: dict[str, UUID]
    owners: dict[str, UUID]
    users: dict[str, UUID]


def forget_events() -> None:
    """Let the trail begin here, as the owner alone can: what a test stands on was written past the service."""
    triggers = ("audit_event_refuse_change", "audit_event_refuse_truncate")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        for trigger in triggers:
            cursor.execute(f"ALTER TABLE audit_event DISABLE TRIGGER {trigger}")
        cursor.execute("TRUNCATE audit_event RESTART IDENTITY")
        for trigger in triggers:
            cursor.execute(f"ALTER TABLE audit_event ENABLE ALWAYS TRIGGER {trigger}")


def make_world() -> World:
    """Make it, and return the ids."""
    units = dict(Unit.objects.values_list("code", "pk"))
    items = {
        sku: Item.objects.create(sku=sku, name=sku.title(), tracking=tracking, base_unit_id=units[unit]).pk
        for sku, tracking, unit in (
            ("BOLT", Tracking.NONE, "ea"),
            ("COFFEE", Tracking.LOT, "kg"),
            ("SCANNER", Tracking.SERIAL, "ea"),
        )
    }
    case = Unit.objects.create(code="case", name="case", dimension="package")
    ItemUnit.objects.create(item_id=items["COFFEE"], unit=case, num=25, den=2)
    lots = {code: Lot.objects.create(item_id=items["COFFEE"], code=code).pk for code in ("L1", "L2")}
    serials = {code: Serial.objects.create(item_id=items["SCANNER"], code=code).pk for code in ("S1", "S2", "S3")}
    _make_tree()
    locations = dict(Location.objects.values_list("code", "pk"))
    return World(
        items=items,
        units={**units, "case": case.pk},
        lots=lots,
        serials=serials,
        locations=locations,
        owners={"CONSIGNOR": Party.objects.create(code="CONSIGNOR", name="Consignor").pk},
        users=_make_users(locations),
    )


def _make_tree() -> None:
    for code, parent, kind in (
        ("A", None, Kind.WAREHOUSE),
        ("B", None, Kind.WAREHOUSE),
        ("A1", "A", Kind.BIN),
        ("A2", "A", Kind.BIN),
        ("B1", "B", Kind.BIN),
        ("LAX", "A", Kind.STAGING),
    ):
        above = Location.objects.get(code=parent) if parent else None
        place = Location.objects.create(code=code, name=code, kind=kind, parent=above, allows_negative=code == "LAX")
        LocationClosure.objects.create(ancestor=place, descendant=place, depth=0)
        if above:
            LocationClosure.objects.create(ancestor=above, descendant=place, depth=1)


def _make_users(locations: dict[str, UUID]) -> dict[str, UUID]:
    sync_builtin_roles(BUILTIN_ROLES)
    users = {}
    for username, role, place in (
        ("ada", "administrator", None),
        ("alan", "warehouse-manager", locations["A"]),
        ("vera", "viewer", None),
    ):
        user = User(username=username, name=username.title())
        user.set_password(PASSWORD)
        user.save(force_insert=True)
        bind(user_id=user.pk, role_code=role, location_id=place)
        users[username] = user.pk
    return users
