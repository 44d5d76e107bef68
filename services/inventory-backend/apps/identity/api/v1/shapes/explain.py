"""Wire shapes of why somebody may or may not."""

from typing import Literal
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from apps.common.api.fields import IdOut, InstantOut, Selector, Stub, Text, instant_or_none
from apps.identity.types import Explained, Explanation
from rbac import Verdict


class ExplainQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /identity/explain; without a location it asks for everywhere."""

    user: Selector
    permission: Text
    location: Selector | UnsetType = UNSET


class VerdictShape(Struct, frozen=True, kw_only=True):
    """What one binding says to the question.

    `place` is where it is bound, seen from the location that was asked for. `location` is null everywhere and where
    you may not see it; `group` is the one that it is held through.
    """

    binding: IdOut
    role: str
    group: Stub | None
    place: Literal["everywhere", "above", "here", "elsewhere"]
    location: Stub | None
    valid_from: InstantOut | None
    valid_until: InstantOut | None
    verdict: Literal["grants", "lacks_permission", "elsewhere", "not_yet", "ended"]


class ExplanationShape(Struct, frozen=True, kw_only=True):
    """Why somebody may or may not; `roles` are those that would allow it."""

    is_allowed: bool
    reason: str
    user: Stub
    permission: str
    location: Stub | None
    bindings: list[VerdictShape]
    roles: list[str]


def explanation_shape(explanation: Explanation) -> ExplanationShape:
    """Return an explanation as the API shows it."""
    return ExplanationShape(
        is_allowed=explanation.is_allowed,
        reason=_reason(explanation),
        user=_stub(explanation.user),
        permission=explanation.permission,
        location=_stub_or_none(explanation.location),
        bindings=[_verdict_shape(explained, explanation.location) for explained in explanation.bindings],
        roles=list(explanation.roles),
    )


def _reason(explanation: Explanation) -> str:
    _, username, _ = explanation.user
    where = f"at {explanation.location[1]}" if explanation.location else "everywhere"
    if not explanation.is_active:
        return f"The account of {username} is off."
    for explained in explanation.bindings:
        if explained.verdict is Verdict.GRANTS:
            group = f", through the group {explained.group[1]}" if explained.group else ""
            bound = f"at {explained.location[1]}" if explained.location else "everywhere or above"
            return f"The role {explained.held.role} allows it, bound {bound}{group}."
    hint = f"The roles {', '.join(explanation.roles)} would." if explanation.roles else "No role would: make one."
    return f"No binding of {username} allows {explanation.permission} {where} now. {hint}"


def _verdict_shape(explained: Explained, asked: tuple[UUID, str, str] | None) -> VerdictShape:
    held = explained.held
    return VerdictShape(
        binding=str(held.binding_id),
        role=held.role,
        group=_stub_or_none(explained.group),
        place=_place(explained, None if asked is None else asked[0]),
        location=_stub_or_none(explained.location),
        valid_from=instant_or_none(held.valid_from),
        valid_until=instant_or_none(held.valid_until),
        verdict=explained.verdict.value,
    )


def _place(explained: Explained, asked: UUID | None) -> Literal["everywhere", "above", "here", "elsewhere"]:
    if explained.held.location_id is None:
        return "everywhere"
    if explained.held.location_id == asked:
        return "here"
    return "above" if explained.is_above else "elsewhere"


def _stub_or_none(facts: tuple[UUID, str, str] | None) -> Stub | None:
    return None if facts is None else _stub(facts)


def _stub(facts: tuple[UUID, str, str]) -> Stub:
    id_, code, name = facts
    return Stub(id=str(id_), code=code, name=name)
