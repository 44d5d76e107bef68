"""HTTP in, one action, HTTP out."""

from typing import Final

from apps.common.api.pages import Listing
from apps.common.api.resources import Resource, columns_in, refs_in
from apps.parties import actions, permissions, queries
from apps.parties.api.v1.shapes import NewParty, PartyPatch, PartyQuery, PartyShape, party_shapes
from apps.parties.models import Party

PARTIES: Final = Resource(
    noun="party",
    plural="parties",
    model=Party,
    selectors=queries.SELECTORS,
    listing=Listing(kind=PartyShape, shape=party_shapes, sorts={"code": "code", "created_at": "id"}, default="code"),
    query=PartyQuery,
    filters={"code": "code__in", "name__icontains": "name__icontains"},
    new=NewParty,
    patch=PartyPatch,
    view=permissions.VIEW,
    edit=permissions.EDIT,
    rows=lambda _: queries.parties(),
    create=lambda body, _, origin: actions.create_party(
        code=body.code, name=body.name, refs=refs_in(body) or {}, origin=origin
    ),
    change=lambda party, body, _, origin: actions.change_party(
        party, changes=columns_in(body), refs=refs_in(body), origin=origin
    ),
)
