"""What is in each place now, within the caller's locations (I20)."""

from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.common.db import rows
from apps.ledger import permissions
from apps.ledger.models import Balance
from rbac import Grants
from rbac.django.queries import within

BALANCE_COLUMNS = {
    "sku": F("item__sku"),
    "item_name": F("item__name"),
    "unit": F("item__base_unit__code"),
    "location_code": F("location__code"),
    "location_name": F("location__name"),
    "lot_code": F("lot__code"),
    "serial_code": F("serial__code"),
    "owner_code": F("owner__code"),
}


def balances(grants: Grants) -> QuerySet[Balance]:
    """Return the balances that the caller may see."""
    return Balance.objects.filter(within(grants.scope(permissions.VIEW)))


def balance_rows(found: QuerySet[Balance]) -> QuerySet[Any, Any]:
    """Return balances as named tuples with the codes of what they name: a fifth of the time of five models a row."""
    return found.annotate(**BALANCE_COLUMNS).values_list(
        "id",
        "item_id",
        "location_id",
        "status",
        "on_hand",
        "held",
        "version",
        "last_sequence",
        *BALANCE_COLUMNS,
        named=True,
    )


def under_location(location_id: UUID) -> Q:
    """Return the predicate for a location and everything in it."""
    return Q(location_id__in=_descendants(location_id))


def _descendants(location_id: UUID) -> list[UUID]:
    sql = "SELECT descendant_id FROM locations_location_closure WHERE ancestor_id = %s"
    return [id_ for (id_,) in rows(sql, [location_id])]
