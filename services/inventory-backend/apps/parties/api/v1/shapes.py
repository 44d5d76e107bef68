"""Wire shapes of version 1."""

from collections.abc import Sequence

from msgspec import UNSET, Struct, UnsetType

from apps.common.api.fields import (
    Code,
    ExternalRefs,
    ExternalRefShape,
    IdOut,
    InstantOut,
    Name,
    Text,
    instant,
    instant_or_none,
)
from apps.common.api.resources import EntityQuery
from apps.parties.models import Party


class NewParty(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /parties."""

    code: Code
    name: Name
    external_refs: ExternalRefs = []


class PartyPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """Body of PATCH /parties/{id}."""

    code: Code | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    external_refs: ExternalRefs | UnsetType = UNSET


class PartyQuery(EntityQuery, kw_only=True, forbid_unknown_fields=True):
    """Parameters of GET /parties."""

    code: list[Text] | UnsetType = UNSET
    name__icontains: Text | UnsetType = UNSET


class PartyShape(Struct, frozen=True, kw_only=True):
    """A party."""

    id: IdOut
    code: str
    name: str
    external_refs: list[ExternalRefShape]
    version: int
    created_at: InstantOut
    updated_at: InstantOut
    archived_at: InstantOut | None


def party_shapes(parties: Sequence[Party]) -> list[PartyShape]:
    """Return parties as the API shows them."""
    return [
        PartyShape(
            id=str(party.pk),
            code=party.code,
            name=party.name,
            external_refs=[ExternalRefShape(system=ref.system, id=ref.value) for ref in party.refs.all()],
            version=party.version,
            created_at=instant(party.created_at),
            updated_at=instant(party.updated_at),
            archived_at=instant_or_none(party.archived_at),
        )
        for party in parties
    ]
