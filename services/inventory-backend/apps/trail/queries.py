"""Reads of the trail, and checks of it."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import QuerySet

from apps.common.errors import Conflict, Invalid, NotFound
from apps.trail.keys import verifying_keys
from audit import NoCheckpoint, open_checkpoint
from audit.django.leaves import Leaf, final, leaf_with
from audit.django.models import AuditEvent, Seal
from audit.django.proofs import NotSealedYet, Proof, TrailBroken, UnknownEvent, prove
from audit.django.verifier import CheckpointTooOld, Report, UnknownSeal, verify


class NotSealed(Conflict):
    """An event is proved by the seal that covers it, and this one is newer than the newest seal."""

    code = "not_sealed"
    title = "Not sealed yet"
    retry_after_seconds = 1


class TrailWasChanged(Conflict):
    """What is stored does not lead to the sealed root any more: somebody changed the trail. Verify it."""

    code = "trail_changed"
    title = "The trail was changed"


class NotOurCheckpoint(Invalid):
    """A checkpoint is malformed, or none of the service's keys signed it."""

    code = "unknown_checkpoint"
    title = "Not a checkpoint of this trail"


def events() -> QuerySet[AuditEvent]:
    """Return every event."""
    return AuditEvent.objects.all()


def newest_seal() -> Seal | None:
    """Return the seal over everything that is sealed."""
    return Seal.objects.order_by("-number").first()


def verified(*, since: int | None = None, against: str | None = None) -> Report:
    """Check the trail, from a seal on and against a checkpoint's note where they are given.

    Raises `NotFound` for a seal that does not exist and `NotOurCheckpoint`.
    """
    try:
        checkpoint = None if against is None else open_checkpoint(against, keys=verifying_keys())
        return verify(keys=verifying_keys(), against=checkpoint, since=since)
    except (NoCheckpoint, CheckpointTooOld) as error:
        raise NotOurCheckpoint(str(error)) from error
    except UnknownSeal as error:
        raise NotFound(str(error)) from error


def proof_of(event_id: UUID) -> Proof:
    """Return the proof that an event is in the trail; raises `NotFound`, `NotSealed` or `TrailWasChanged`."""
    seq = AuditEvent.objects.filter(event_id=event_id).values_list("seq", flat=True).first()
    if seq is None:
        raise NotFound
    return proof_of_seq(seq)


def proof_of_seq(seq: int) -> Proof:
    """Return the same for an event's number."""
    try:
        return prove(seq)
    except UnknownEvent as error:
        raise NotFound(str(error)) from error
    except NotSealedYet as error:
        raise NotSealed(str(error)) from error
    except TrailBroken as error:
        raise TrailWasChanged(str(error)) from error


def final_events(*, after_seq: int | None) -> Iterator[Leaf]:
    """Yield the events that none can come before any more, after one of them or from the first.

    Who goes on after the last event that they have misses none, though seq alone is no order: a transaction that was
    slow to commit has lower numbers than one that came before it.

    Raises `NotFound` where there is no event `after_seq`.
    """
    after = None if after_seq is None else leaf_with(after_seq)
    if after_seq is not None and after is None:
        raise NotFound(f"The trail has no event {after_seq} to go on from.")
    return final(after=after)
