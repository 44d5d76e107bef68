"""Filling an empty database with the demo company, all of it or nothing."""

from collections.abc import Callable
from datetime import datetime
from itertools import batched
from random import Random
from uuid import UUID

from django.db import transaction

from apps.catalog.models import Item
from apps.demo.catalogue import products
from apps.demo.company import create_batches, create_items, create_places
from apps.demo.history import History
from apps.ledger.actions import post_batch
from apps.ledger.types import ErrorPolicy
from audit import Origin
from rbac import Scope

# ledger_transaction.actor_id may not be empty; no user has this id.
_SYSTEM = UUID(int=0)
_BATCH = 1000


@transaction.atomic
def seed(*, at: datetime, number: int = 1, tell: Callable[[str], None]) -> int:
    """Create the company and post its history up to the day before `at`; return the number of transactions.

    A database that has items already is left as it is, and 0 is returned. `number` is the seed of chance.
    """
    if Item.objects.exists():
        return 0
    origin = Origin(actor_id=_SYSTEM, at=at, request_id=f"demo-seed-{number:06}")
    assortment = list(products())
    history = History(products=assortment, until=at.date(), random=Random(number))  # noqa: S311  (not for secrets)  # nosec B311
    history.invent()
    create_places(origin)
    create_items(assortment, origin)
    create_batches(history.batches, origin)
    total, done = len(history.drafts), 0
    for part in batched(history.drafts, _BATCH, strict=False):
        post_batch(part, policy=ErrorPolicy.REJECT_ALL, scope=Scope.all(), origin=origin)
        done += len(part)
        tell(f"  {done:,} of {total:,} transactions")
    return total
