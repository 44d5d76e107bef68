"""Posting: the one way to write stock (ledger.md, principle 1).

`ledger_post` in the database locks, checks and writes in one call. What it refuses, it refuses whole, and gives back
the levels that stood in the way; here they become words.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction
from psycopg import errors as pg

from apps.common.db import constraint_of, rows, violated
from apps.common.errors import Invalid, Problem
from apps.ledger.actions.refusals import AlreadyReversed, Leg, conflict_of, refusals
from apps.ledger.actions.resolve import prefixed, resolve
from apps.ledger.types import Draft, Entry, ErrorPolicy, Level, Line, Posted
from audit import Event, Origin
from audit.django import actions as trail
from rbac import Scope

_POST = "SELECT * FROM ledger_post(%s::jsonb, %s::jsonb, %s)"
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Refused:
    """One item of a batch that was not posted, and why; pointers are relative to the item."""

    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What posting would do: the levels afterwards, or what stands in the way."""

    posted: Posted | None
    problems: Sequence[Problem] = field(default_factory=tuple)


@transaction.atomic(savepoint=False)
def post_transaction(draft: Draft, *, scope: Scope, origin: Origin) -> Posted:
    """Post one transaction, or refuse it whole and change nothing.

    Raises `Invalid` where the draft is wrong in itself and a `Conflict` where the state of the stock forbids it; both
    name every bad line, with pointers like `#/lines/3/quantity`.
    """
    (entry,) = resolve([draft], scope=scope)
    if isinstance(entry, list):
        raise Invalid.of(prefixed(entry, "#"))
    return post_entries([entry], origin=origin, pointers=["#"])[0]


@transaction.atomic(savepoint=False)
def post_batch(drafts: Sequence[Draft], *, policy: ErrorPolicy, scope: Scope, origin: Origin) -> list[Posted | Refused]:
    """Post many transactions: all or none, or each for itself in their order; return a result for each.

    `reject_all` checks the sum of all lines and raises as `post_transaction` does, with pointers like
    `#/items/2/lines/3/quantity`. `skip_failed` never raises for a bad item.
    """
    resolved = resolve(drafts, scope=scope)
    if policy is ErrorPolicy.REJECT_ALL:
        problems = [
            problem
            for index, entry in enumerate(resolved)
            if isinstance(entry, list)
            for problem in prefixed(entry, f"#/items/{index}")
        ]
        if problems:
            raise Invalid.of(problems)
        entries = [entry for entry in resolved if isinstance(entry, Entry)]
        return list(post_entries(entries, origin=origin, pointers=[f"#/items/{i}" for i in range(len(entries))]))
    return _post_each(resolved, origin)


def preview_transaction(draft: Draft, *, scope: Scope, origin: Origin) -> Preview:
    """Return what posting `draft` would do, and do nothing.

    Raises `Invalid` where the draft is wrong in itself; shortages are part of the answer.
    """
    (entry,) = resolve([draft], scope=scope)
    if isinstance(entry, list):
        raise Invalid.of(prefixed(entry, "#"))
    with transaction.atomic():
        legs = _call([entry], origin, in_order=False)
        transaction.set_rollback(True)
    if refused := _refused([entry], legs, in_order=False):
        return Preview(posted=None, problems=prefixed(refused[0], "#"))
    return Preview(posted=_posted([entry], legs)[0])


def post_entries(entries: Sequence[Entry], *, origin: Origin, pointers: Sequence[str]) -> list[Posted]:
    """Post resolved entries as one, on the sum of their lines, with one audit event each.

    `pointers` name the entries in errors. Raises a `Conflict` and changes nothing where the stock forbids it.
    """
    legs = _call(entries, origin, in_order=False)
    if refused := _refused(entries, legs, in_order=False):
        raise conflict_of([p for index, problems in refused.items() for p in prefixed(problems, pointers[index])])
    posted = _posted(entries, legs)
    trail.record_many([_event(one) for one in posted], origin=origin)
    return posted


def _post_each(resolved: Sequence[Entry | list[Problem]], origin: Origin) -> list[Posted | Refused]:
    """Post what can be posted, as if one came after the other.

    The first call locks every balance of the batch; if it refuses, its levels tell which items can be posted, and
    since the locks are held the second call posts just those.
    """
    results: dict[int, Posted | Refused] = {
        index: Refused(entry) for index, entry in enumerate(resolved) if isinstance(entry, list)
    }
    good = [(index, entry) for index, entry in enumerate(resolved) if isinstance(entry, Entry)]
    legs = _call([entry for _, entry in good], origin, in_order=True)
    while refused := _refused([entry for _, entry in good], legs, in_order=True):
        results |= {good[place][0]: Refused(problems) for place, problems in refused.items()}
        good = [pair for place, pair in enumerate(good) if place not in refused]
        legs = _call([entry for _, entry in good], origin, in_order=True)
    posted = _posted([entry for _, entry in good], legs)
    trail.record_many([_event(one) for one in posted], origin=origin)
    results |= {index: one for (index, _), one in zip(good, posted, strict=True)}
    return [results[index] for index in range(len(resolved))]


def _refused(entries: Sequence[Entry], legs: Sequence[Leg], *, in_order: bool) -> dict[int, list[Problem]]:
    """Return what stands in the way, by the index of the entry; nothing where all were posted."""
    if not legs or legs[0].is_posted:
        return {}
    found = refusals(entries, legs, in_order=in_order)
    if not found:
        # Better a failed request than one that says that it posted what was refused.
        raise RuntimeError("ledger_post refused entries that every rule here allows.")
    return found


def _call(entries: Sequence[Entry], origin: Origin, *, in_order: bool) -> list[Leg]:
    if not entries:
        return []
    headers = [
        {
            "id": entry.id,
            "kind": entry.kind,
            "effective_at": entry.effective_at,
            "actor": origin.actor_id or UUID(int=0),
            "reason": entry.reason,
            "reference": entry.reference,
            "note": entry.note,
            "request_id": origin.request_id,
            "reverses": entry.reverses,
        }
        for entry in entries
    ]
    lines = [_wire(txn, index, line) for txn, entry in enumerate(entries) for index, line in enumerate(entry.lines)]
    try:
        found = rows(_POST, [_encoder.encode(headers).decode(), _encoder.encode(lines).decode(), in_order])
    except IntegrityError as error:
        if violated(error, pg.UniqueViolation) and constraint_of(error) == "ledger_transaction_reverses_id_key":
            raise AlreadyReversed("This transaction was reversed already.") from error
        raise
    return sorted((Leg(*row) for row in found), key=lambda leg: (leg.txn, leg.line))


def _wire(txn: int, index: int, line: Line) -> dict[str, Any]:
    expects_source = not line.source.is_virtual
    return {
        "txn": txn,
        "line": index,
        "item": line.item_id,
        "lot": line.lot_id,
        "serial": line.serial_id,
        "quantity": line.quantity,
        "from_location": line.source.location_id,
        "from_status": line.source.status,
        "from_owner": line.source.owner_id,
        "from_expected": line.expected if expects_source else None,
        "to_location": line.target.location_id,
        "to_status": line.target.status,
        "to_owner": line.target.owner_id,
        "to_expected": None if expects_source else line.expected,
        "entered": line.entered_quantity,
        "unit": line.unit_id,
        "num": line.factor_num,
        "den": line.factor_den,
    }


def _posted(entries: Sequence[Entry], legs: Sequence[Leg]) -> list[Posted]:
    by_entry: dict[int, list[Leg]] = defaultdict(list)
    for leg in legs:
        by_entry[leg.txn].append(leg)
    posted = []
    for index, entry in enumerate(entries):
        own = by_entry[index]
        recorded_at = own[0].recorded_at
        posted.append(
            Posted(
                entry=entry,
                sequence=own[0].sequence or 0,
                recorded_at=recorded_at,
                effective_at=entry.effective_at or recorded_at,
                levels=[(_level(left), _level(arrived)) for left, arrived in zip(own[::2], own[1::2], strict=True)],
            )
        )
    return posted


def _level(leg: Leg) -> Level | None:
    return None if leg.on_hand is None or leg.held is None else Level(leg.on_hand, leg.held)


def _event(posted: Posted) -> Event:
    entry = posted.entry
    return Event(
        action="stock.posted",
        object_type="transaction",
        object_id=str(entry.id),
        after={"kind": entry.kind.value, "number": posted.number, "lines": len(entry.lines)},
    )
