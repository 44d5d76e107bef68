"""What is recorded about a change, and about whoever made it (ASVS V16.2.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID


class NaiveInstant(ValueError):
    """An instant came without its offset from UTC, so it could mean any of a day's hours."""

    def __init__(self, instant: datetime) -> None:
        super().__init__(f"{instant.isoformat()} has no offset from UTC; pass an aware datetime.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asked for a change, when, and through which request; made once, at the door.

    `actor_id` is empty when the system acts by itself.  `on_behalf_of` is whom the actor stood in
    for, and `reason` is what the actor gave as one.

    Raises:
        NaiveInstant: `at` has no offset from UTC.
    """

    actor_id: UUID | None
    at: datetime
    request_id: str
    ip: str | None = None
    session_id: UUID | None = None
    on_behalf_of: UUID | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise NaiveInstant(self.at)

    @classmethod
    def system(cls, *, at: datetime, request_id: str) -> Self:
        """Return the origin of what the program does by itself, such as a scheduled job."""
        return cls(actor_id=None, at=at, request_id=request_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change: `action` in the past tense, the object, and its state around the change.

    `before` is empty for what was made and `after` for what was removed.

    >>> Event(action="item.renamed", object_type="item", object_id="7", after={"name": "Bolt"}).action
    'item.renamed'
    """

    action: str
    object_type: str
    object_id: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
