"""Wire shapes of bindings."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from apps.common.api.fields import IdOut, Instant, InstantOut, Selector, Stub, instant, instant_or_none
from apps.common.api.pages import PageQuery
from apps.identity.models import Group, User
from rbac.django.models import Binding, Role

SubjectKind = Literal["user", "group"]


class NewBinding(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /identity/bindings, for a user or a group.

    `location` has no default: nobody gives a role everywhere by leaving something out.
    """

    role: Selector
    location: Annotated[Selector | None, Meta(description="From here downwards; null is everywhere.")]
    user: Selector | UnsetType = UNSET
    group: Selector | UnsetType = UNSET
    valid_from: Instant | None = None
    valid_until: Instant | None = None


class BindingQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /identity/bindings; `user` finds what is bound to the user directly."""

    user: Selector | UnsetType = UNSET
    group: Selector | UnsetType = UNSET
    role: Selector | UnsetType = UNSET
    location: Selector | UnsetType = UNSET
    subject_kind: SubjectKind | UnsetType = UNSET


class SubjectShape(Struct, frozen=True, kw_only=True):
    """Who holds a role; the code of a user is the username."""

    kind: SubjectKind
    id: IdOut
    code: str
    name: str


class BindingShape(Struct, frozen=True, kw_only=True):
    """A role held from one location downwards, without one everywhere."""

    id: IdOut
    subject: SubjectShape
    role: Stub
    location: Stub | None
    valid_from: InstantOut | None
    valid_until: InstantOut | None
    created_at: InstantOut


def binding_shapes(bindings: Sequence[Binding]) -> list[BindingShape]:
    """Return bindings (of `queries.bindings`) as the API shows them."""
    return [
        BindingShape(
            id=str(binding.pk),
            subject=_subject(binding),
            role=stub_of(binding.role),
            location=None if binding.location is None else stub_of(binding.location),
            valid_from=instant_or_none(binding.valid_from),
            valid_until=instant_or_none(binding.valid_until),
            created_at=instant(binding.created_at),
        )
        for binding in bindings
    ]


def stub_of(row: User | Group | Role | Any) -> Stub:
    """Return a row as it is named inside another answer."""
    return Stub(id=str(row.pk), code=row.username if isinstance(row, User) else row.code, name=row.name)


def _subject(binding: Binding) -> SubjectShape:
    kind: SubjectKind = "user" if binding.user_id else "group"
    stub = stub_of(binding.user or binding.group)
    return SubjectShape(kind=kind, id=stub.id, code=stub.code, name=stub.name)
