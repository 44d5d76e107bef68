"""What somebody may do, and at which nodes of the tree.

Roles are bound at a node and hold for everything below it, as in Kubernetes and GitLab.  The
rules here never look at the tree: a scope names the roots of subtrees, and whoever holds the
tree expands them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Self
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Grant:
    """A set of permissions from one location downwards; `None` is the tenant's root.

    It ends at `until`; `None` is never.
    """

    permissions: frozenset[str]
    location_id: UUID | None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Where something is allowed: everywhere, or in the subtrees below `roots`.

    A scope is false when it covers nothing, and `|` joins two of them.

    Raises:
        ValueError: roots are named although the scope is everywhere.
    """

    everywhere: bool
    roots: frozenset[UUID] = frozenset()

    def __post_init__(self) -> None:
        # One spelling for each scope, so that equal scopes compare equal.
        if self.everywhere and self.roots:
            raise ValueError("A scope that is everywhere has no roots; leave them out.")

    @classmethod
    def nothing(cls) -> Self:
        """Return the scope that covers no location."""
        return cls(everywhere=False)

    @classmethod
    def all(cls) -> Self:
        """Return the scope that covers every location."""
        return cls(everywhere=True)

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.roots)

    def __or__(self, other: "Scope") -> "Scope":
        if self.everywhere or other.everywhere:
            return Scope.all()
        return Scope(everywhere=False, roots=self.roots | other.roots)


@dataclass(frozen=True, slots=True)
class Grants:
    """Everything that one principal was granted; no grants allow nothing.

    >>> clerk = Grants((Grant(frozenset({"ledger.post"}), location_id=None),))
    >>> clerk.allows("ledger.post"), clerk.allows("ledger.reverse")
    (True, False)
    """

    items: tuple[Grant, ...] = ()

    def scope(self, permission: str) -> Scope:
        """Return where `permission` is held; nowhere for a code that no grant names."""
        return reduce(
            or_,
            (_scope_of(grant) for grant in self.items if permission in grant.permissions),
            Scope.nothing(),
        )

    def allows(self, permission: str) -> bool:
        """Return whether `permission` is held at any location at all.

        That opens a route.  Whether it may touch a given location is for `scope` to say.
        """
        return any(permission in grant.permissions for grant in self.items)

    def permissions(self) -> frozenset[str]:
        """Return every permission that is held at some location."""
        return frozenset[str]().union(*(grant.permissions for grant in self.items))

    def lacks(self, wanted: Grant, *, path: Collection[UUID]) -> frozenset[str]:
        """Return the permissions of `wanted` that are not held at its location, and for as long.

        `path` is that location and every one above it.  With no path only what is held at the
        tenant's root counts, so a location that nobody knows is one where little is held.

        >>> clerk = Grants((Grant(frozenset({"ledger.post"}), location_id=None),))
        >>> clerk.lacks(Grant(frozenset({"ledger.post", "ledger.reverse"}), None), path=())
        frozenset({'ledger.reverse'})
        """
        held = (grant.permissions for grant in self.items if _reaches(grant, wanted, path))
        return wanted.permissions.difference(*held)


def is_active(valid_from: datetime | None, valid_until: datetime | None, at: datetime) -> bool:
    """Return whether `at` is in [valid_from, valid_until); `None` leaves that side open."""
    return (valid_from is None or valid_from <= at) and (valid_until is None or at < valid_until)


def _reaches(grant: Grant, wanted: Grant, path: Collection[UUID]) -> bool:
    is_there = grant.location_id is None or (wanted.location_id is not None and grant.location_id in path)
    is_long_enough = grant.until is None or (wanted.until is not None and wanted.until <= grant.until)
    return is_there and is_long_enough


def _scope_of(grant: Grant) -> Scope:
    if grant.location_id is None:
        return Scope.all()
    return Scope(everywhere=False, roots=frozenset({grant.location_id}))
