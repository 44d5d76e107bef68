"""Bindings as a user holds them: what they grant, what a change of them would hand out, and why.

Nobody hands out more than they hold, as in Kubernetes' escalation check.  What a change hands out
is said here as grants, and `Grants.lacks` compares those with what its author holds: directly, by
adding somebody to a group that has roles, or by editing a role that is bound.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from rbac._grants import Grant, Grants, is_active


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A role that somebody holds from one location downwards, in [valid_from, valid_until).

    No location is the tenant's root.  `group_id` is the group that it is held through, if any.
    """

    binding_id: UUID
    role: str
    permissions: frozenset[str]
    location_id: UUID | None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    group_id: UUID | None = None


class Verdict(StrEnum):
    """What one binding says to a question; all but the first do not grant."""

    GRANTS = "grants"
    LACKS_PERMISSION = "lacks_permission"
    ELSEWHERE = "elsewhere"
    NOT_YET = "not_yet"
    ENDED = "ended"


def grants_from(bindings: Iterable[Held], *, at: datetime) -> Grants:
    """Return what those of the bindings grant that hold at the instant `at`."""
    return Grants(
        tuple(
            Grant(held.permissions, held.location_id, held.valid_until)
            for held in bindings
            if is_active(held.valid_from, held.valid_until, at)
        )
    )


def handed_over(bindings: Iterable[Held], *, at: datetime) -> tuple[Grant, ...]:
    """Return what somebody gets who joins a group, or takes over a user, with these bindings: those to come as well."""
    return tuple(Grant(held.permissions, held.location_id, held.valid_until) for held in bindings if _goes_on(held, at))


def handed_by_a_role(
    before: Collection[str], after: Collection[str], *, bindings: Iterable[Held], at: datetime
) -> Grant:
    """Return what a change of a role's permissions hands out or takes away.

    A role can be bound anywhere, so that is everywhere, for as long as the last of its `bindings`.
    """
    ends = [held.valid_until for held in bindings if _goes_on(held, at)]
    timed = [end for end in ends if end is not None]
    last = max(timed, default=at) if len(timed) == len(ends) else None
    return Grant(frozenset(before) ^ frozenset(after), None, last)


def verdict_on(held: Held, *, permission: str, path: Collection[UUID], at: datetime) -> Verdict:
    """Return what a binding says to: does it give `permission` at the location with this `path`?

    The path is the location and every one above it; none is the tenant's root.
    """
    if permission not in held.permissions:
        return Verdict.LACKS_PERMISSION
    if held.location_id is not None and held.location_id not in path:
        return Verdict.ELSEWHERE
    if held.valid_until is not None and held.valid_until <= at:
        return Verdict.ENDED
    if held.valid_from is not None and at < held.valid_from:
        return Verdict.NOT_YET
    return Verdict.GRANTS


def _goes_on(held: Held, at: datetime) -> bool:
    return held.valid_until is None or at < held.valid_until
