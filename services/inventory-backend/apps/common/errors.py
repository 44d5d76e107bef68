"""Errors that callers are expected to handle, named by cause.

HTTP is not decided here: `apps.common.api.errors` maps the families below to a status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self, override


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, and where.

    `pointer` is a JSON pointer into the body (`#/lines/3/quantity`), `?name` for a query parameter
    or the name of a header.
    """

    pointer: str
    code: str
    detail: str
    meta: Mapping[str, str] = field(default_factory=dict)


class DomainError(Exception):
    """A rule said no. `code` is part of the API; the message is for people."""

    code: str = "domain_error"
    title: ClassVar[str] = "The request was refused"

    def __init__(self, detail: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problems = tuple(problems)

    @classmethod
    def at(cls, pointer: str, code: str, detail: str) -> Self:
        """Return an error about one field."""
        return cls(detail, [Problem(pointer=pointer, code=code, detail=detail)])


class Invalid(DomainError):
    """The request itself is wrong, whatever the state of the data."""

    code = "invalid"
    title = "Invalid request"

    @override
    def __init__(self, detail: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(detail, problems)
        # Problems of one kind lend the whole answer their code: a client can act on it without reading the list.
        kinds = {problem.code for problem in self.problems}
        if len(kinds) == 1:
            (self.code,) = kinds

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Self:
        """Return one error that names all of `problems`; a sole problem lends its own words."""
        if len(problems) == 1:
            return cls(problems[0].detail, problems)
        return cls(f"{len(problems)} problems; see errors.", problems)


class NotFound(DomainError):
    """The thing does not exist, or the caller may not see it: the two are told alike."""

    code = "not_found"
    title = "Not found"

    def __init__(self, detail: str = "There is nothing at this address that you may see.") -> None:
        super().__init__(detail)


class Unauthenticated(DomainError):
    """Who is asking could not be established."""

    code = "not_authenticated"
    title = "Not signed in"


class Forbidden(DomainError):
    """The caller may see the thing, but not do this to it."""

    code = "permission_denied"
    title = "Permission denied"


class Conflict(DomainError):
    """The request is well formed, but the state of the data does not allow it."""

    code = "conflict"
    title = "Conflict with the current state"


class Duplicate(Conflict):
    """Another row already has this name."""

    code = "duplicate"
    title = "Already exists"


class InUse(Conflict):
    """The thing is referenced and can only be archived."""

    code = "in_use"
    title = "In use"


class StaleVersion(DomainError):
    """The caller's If-Match names a version that is no longer current."""

    code = "stale_version"
    title = "Changed since you read it"


class VersionRequired(DomainError):
    """An absolute write needs If-Match, so that nobody overwrites what they have not seen."""

    code = "version_required"
    title = "If-Match is required"


class KeyReused(DomainError):
    """The idempotency key was used with another body."""

    code = "idempotency_key_reused"
    title = "Idempotency key used with another request"


class Busy(DomainError):
    """A lock or a connection did not come free in time; trying again is safe."""

    code = "busy"
    title = "Busy, try again"
    retry_after_seconds: ClassVar[int] = 1


class Throttled(DomainError):
    """The caller asks too often; `retry_after_seconds` says when to come back."""

    code = "throttled"
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds
