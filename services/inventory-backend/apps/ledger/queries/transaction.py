"""Transactions and their legs, within the caller's locations (I20)."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet

from apps.ledger import permissions
from apps.ledger.models import Posting, Transaction
from rbac import Grants, Scope
from rbac.django.queries import location_ids, within


def postings(grants: Grants) -> QuerySet[Posting]:
    """Return the legs in the caller's locations; those in virtual places only to who sees all."""
    return Posting.objects.filter(within(grants.scope(permissions.VIEW))).select_related(
        "transaction", "item", "location", "lot", "serial", "owner"
    )


def transactions(grants: Grants) -> QuerySet[Transaction]:
    """Return the transactions with at least one leg in the caller's locations."""
    scope = grants.scope(permissions.VIEW)
    found = Transaction.objects.select_related("reverses", "reversed_by")
    if scope.everywhere:
        return found
    return found.filter(sequence__in=Posting.objects.filter(within(scope)).values("transaction_id"))


def legs_of(sequences: Sequence[int]) -> list[Posting]:
    """Return all legs of these transactions, in order."""
    return list(
        Posting.objects.filter(transaction__sequence__in=sequences)
        .select_related("item__base_unit", "location", "lot", "serial", "owner", "entered_unit")
        .order_by("transaction_id", "line")
    )


def visible_locations(grants: Grants) -> set[UUID] | None:
    """Return the ids of the locations whose legs the caller may see; None when that is all of them."""
    found = location_ids(grants.scope(permissions.VIEW))
    return None if found is None else set(found)


def is_within(transaction: Transaction, scope: Scope) -> bool:
    """Tell whether every real location of a transaction lies in `scope`."""
    if scope.everywhere:
        return True
    outside = Posting.objects.filter(transaction=transaction, balance__isnull=False)
    return bool(scope) and not outside.exclude(within(scope)).exists()
