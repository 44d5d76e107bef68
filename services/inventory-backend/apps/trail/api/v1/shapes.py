"""Wire shapes of version 1."""

import base64
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from apps.common.api.fields import IdOut, Instant, InstantOut, Text, instant
from apps.common.api.pages import PageQuery
from audit.django.models import AuditEvent, Seal
from audit.django.proofs import Proof
from audit.django.verifier import Report

Hash = Annotated[str, Meta(description="SHA-256 in base64.", extra_json_schema={"contentEncoding": "base64"})]


class EventQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /audit/events."""

    actor: list[UUID] | UnsetType = UNSET
    object_type: list[Text] | UnsetType = UNSET
    object_id: list[Text] | UnsetType = UNSET
    action: list[Text] | UnsetType = UNSET
    request_id: Text | UnsetType = UNSET
    at__gte: Instant | UnsetType = UNSET
    at__lt: Instant | UnsetType = UNSET


class VerifyQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /audit/verify; `from_seal` is taken for true, and what it covers is left out."""

    from_seal: Annotated[int, Meta(ge=1, le=10**15)] | UnsetType = UNSET


class EventShape(Struct, frozen=True, kw_only=True):
    """One change: `at` is the database's clock, `occurred_at` that of whoever was asked."""

    id: IdOut
    seq: int
    at: InstantOut
    occurred_at: InstantOut
    actor_id: IdOut | None
    on_behalf_of: IdOut | None
    session_id: IdOut | None
    ip: str | None
    request_id: str
    action: str
    object_type: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str


class SealBreakShape(Struct, frozen=True, kw_only=True):
    """One thing that is not as it was sealed; `seal` is the first that shows it."""

    kind: str
    seal: int | None
    detail: str


class VerificationShape(Struct, frozen=True, kw_only=True):
    """Clean when nothing breaks. `unsealed` events came after the newest seal; `checkpoint` is that seal's note."""

    is_clean: bool
    breaks: list[SealBreakShape]
    seals: int
    events: int
    unsealed: int
    checkpoint: str | None


class ProofShape(Struct, frozen=True, kw_only=True):
    """What it takes to check one event without us: RFC 6962, 2.1.1, over `content` as it stands."""

    content: str
    index: int
    size: int
    path: list[Hash]
    checkpoint: str


def event_shapes(events: Sequence[AuditEvent]) -> list[EventShape]:
    """Return events as the API shows them."""
    return [
        EventShape(
            id=str(event.event_id),
            seq=event.seq,
            at=instant(event.at),
            occurred_at=instant(event.occurred_at),
            actor_id=_text(event.actor_id),
            on_behalf_of=_text(event.on_behalf_of),
            session_id=_text(event.session_id),
            ip=event.ip,
            request_id=event.request_id,
            action=event.action,
            object_type=event.object_type,
            object_id=event.object_id,
            before=event.before,
            after=event.after,
            reason=event.reason,
        )
        for event in events
    ]


def verification_shape(report: Report, newest: Seal | None) -> VerificationShape:
    """Return the result of a check as the API shows it."""
    return VerificationShape(
        is_clean=report.is_clean,
        breaks=[SealBreakShape(kind=each.kind.value, seal=each.seal, detail=each.detail) for each in report.breaks],
        seals=report.seals,
        events=report.events,
        unsealed=report.unsealed,
        checkpoint=newest.note if newest else None,
    )


def proof_shape(proof: Proof) -> ProofShape:
    """Return a proof as the API shows it."""
    return ProofShape(
        content=proof.content,
        index=proof.index,
        size=proof.size,
        path=[base64.b64encode(hash_).decode() for hash_ in proof.path],
        checkpoint=proof.note,
    )


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
