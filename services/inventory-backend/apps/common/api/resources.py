"""The views of reference data, alike in every domain: list, create, read, patch, archive, restore, delete.

A domain says what is its own in a `Resource`; rules about its data stay in its actions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from django.db.models import QuerySet
from django.urls import URLPattern, path
from msgspec import UNSET, Struct, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common import records
from apps.common.api.bodies import parse_body, parse_query
from apps.common.api.conditional import etag, require_match
from apps.common.api.endpoint import Endpoint, Operation
from apps.common.api.pages import Listing, Page, PageQuery, page_of
from apps.common.api.requests import grants_of, origin_of, written
from apps.common.api.shown import ShownQuery, shown
from apps.common.errors import Invalid, NotFound, Problem
from apps.common.models import Entity
from apps.common.selectors import Selectors
from audit import Origin
from rbac import Grants
from rbac.django.permissions import requires


class EntityQuery(PageQuery, kw_only=True, forbid_unknown_fields=True):
    """What every list of reference data takes."""

    archived: Literal["no", "only", "any"] = "no"


def _anybody(_row: Entity, _grants: Grants) -> None:
    """Leave it at the permission that the operation declares."""


@dataclass(frozen=True, kw_only=True)
class Resource[Row: Entity, New: Struct, Patch: Struct]:
    """One noun of a domain, as the API offers it.

    `rows` returns what the caller may see. `filters` maps a field of `query` to an ORM look-up, or to a function
    that narrows the rows. `create` and `change` are the domain's actions.
    """

    noun: str
    plural: str
    model: type[Row]
    selectors: Selectors
    listing: Listing[Row, Any]
    query: type[EntityQuery]
    new: type[New]
    patch: type[Patch]
    view: str
    edit: str
    rows: Callable[[Grants], QuerySet[Row]]
    create: Callable[[New, Grants, Origin], Row]
    change: Callable[[Row, Patch, Grants, Origin], Row]
    guard: Callable[[Row, Grants], None] = _anybody
    filters: Mapping[str, str | Callable[[QuerySet[Row], Any], QuerySet[Row]]] = field(default_factory=dict)

    def narrowed(self, rows: QuerySet[Row], query: EntityQuery) -> QuerySet[Row]:
        """Return those of `rows` that the query asks for."""
        if query.archived != "any":
            rows = rows.filter(archived_at__isnull=query.archived == "no")
        for name, lookup in self.filters.items():
            value = getattr(query, name)
            if value is not UNSET:
                rows = lookup(rows, value) if callable(lookup) else rows.filter(**{lookup: value})
        return rows

    def one(self, request: Request, selector: str) -> Row:
        """Return the row that `selector` names among those the caller may see.

        Raises `NotFound` where there is none, and where the text is no selector at all.
        """
        try:
            found = self.selectors.find(self.rows(grants_of(request)), [selector])
        except Invalid as error:
            raise NotFound from error
        if selector not in found:
            raise NotFound
        return found[selector]

    def one_to_write(self, request: Request, selector: str) -> Row:
        """Return `one`, where the caller may also change it."""
        row = self.one(request, selector)
        self.guard(row, grants_of(request))
        return row

    def answer(self, row: Row, *, status: int = 200, query: ShownQuery | None = None) -> Response:
        """Return one row with its ETag."""
        shapes: Sequence[Any] = self.listing.shape([row])
        if query is not None:
            shapes = shown(query, shapes, self.listing.kind, self.listing.expansions)
        return Response(shapes[0], status=status, headers={"ETag": etag(row.version)})


def resource_urls(resource: Resource[Any, Any, Any]) -> list[URLPattern]:
    """Return the addresses of one resource."""
    base = resource.plural
    return [
        path(base, _collection(resource).as_view(), name=f"{base}"),
        path(f"{base}/<str:selector>", _member(resource).as_view(), name=f"{base}-one"),
        path(f"{base}/<str:selector>/archive", _action(resource, "archive", records.archive).as_view()),
        path(f"{base}/<str:selector>/restore", _action(resource, "restore", records.restore).as_view()),
    ]


def _collection(resource: Resource[Any, Any, Any]) -> type[Endpoint]:
    noun, kind = resource.noun, resource.listing.kind

    class Collection(Endpoint):
        operations: ClassVar = {
            "GET": Operation(
                permission=requires(resource.view),
                name=f"list_{resource.plural}".replace("-", "_"),
                summary=f"List {resource.plural}",
                query=resource.query,
                listing=resource.listing,
                returns={200: Page[kind]},  # type: ignore[valid-type]  # a type made at run time
            ),
            "POST": Operation(
                permission=requires(resource.edit),
                name=f"create_{noun}",
                summary=f"Create {_a(noun)}",
                body=resource.new,
                returns={201: kind},
                can_validate_only=True,
            ),
        }

        def get(self, request: Request) -> Response:
            query = parse_query(request, resource.query)
            rows = resource.narrowed(resource.rows(grants_of(request)), query)
            return page_of(request, query, rows, resource.listing)

        def post(self, request: Request) -> Response:
            body = parse_body(request, resource.new)
            return written(request, lambda: self._created(body, request))

        def _created(self, body: Struct, request: Request) -> Response:
            response = resource.answer(resource.create(body, grants_of(request), origin_of(request)), status=201)
            response["Location"] = f"{request.path}/{response.data.id}"
            return response

    return Collection


def _member(resource: Resource[Any, Any, Any]) -> type[Endpoint]:
    noun, kind = resource.noun, resource.listing.kind

    class Member(Endpoint):
        operations: ClassVar = {
            "GET": Operation(
                permission=requires(resource.view),
                name=f"get_{noun}",
                summary=f"Read {_a(noun)}",
                query=ShownQuery,
                listing=resource.listing,
                returns={200: kind},
            ),
            "PATCH": Operation(
                permission=requires(resource.edit),
                name=f"change_{noun}",
                summary=f"Change {_a(noun)}",
                body=resource.patch,
                returns={200: kind},
                is_conditional=True,
                can_validate_only=True,
            ),
            "DELETE": Operation(
                permission=requires(resource.edit),
                name=f"delete_{noun}",
                summary=f"Delete {_a(noun)} that was never referenced",
                returns={204: None},
                is_conditional=True,
            ),
        }

        def get(self, request: Request, selector: str) -> Response:
            query = parse_query(request, ShownQuery)
            return resource.answer(resource.one(request, selector), query=query)

        def patch(self, request: Request, selector: str) -> Response:
            body = parse_body(request, resource.patch)
            row = resource.one_to_write(request, selector)
            require_match(request, row.version)
            return written(
                request,
                lambda: resource.answer(resource.change(row, body, grants_of(request), origin_of(request))),
            )

        def delete(self, request: Request, selector: str) -> Response:
            row = resource.one_to_write(request, selector)
            require_match(request, row.version)
            records.delete(row, noun=noun, origin=origin_of(request))
            return Response(status=204)

    return Member


def _action(resource: Resource[Any, Any, Any], verb: str, act: Callable[..., Any]) -> type[Endpoint]:
    class Action(Endpoint):
        operations: ClassVar = {
            "POST": Operation(
                permission=requires(resource.edit),
                name=f"{verb}_{resource.noun}",
                summary=f"{verb.capitalize()} {_a(resource.noun)}",
                returns={200: resource.listing.kind},
                is_conditional=True,
                needs_match=False,
            )
        }

        def post(self, request: Request, selector: str) -> Response:
            row = resource.one_to_write(request, selector)
            require_match(request, row.version, is_required=False)
            return resource.answer(act(row, noun=resource.noun, origin=origin_of(request)))

    return Action


def _a(noun: str) -> str:
    words = noun.replace("_", " ")
    return f"an {words}" if words[0] in "aeio" else f"a {words}"


def refs_in(body: Struct) -> dict[str, str] | None:
    """Return a body's external references as `{system: id}`, or None where it does not name them.

    Raises `Invalid` where a system comes twice: a thing has one name in each.
    """
    refs = getattr(body, "external_refs", UNSET)
    if isinstance(refs, UnsetType):
        return None
    systems = [ref.system for ref in refs]
    problems = [
        Problem(pointer=f"#/external_refs/{index}/system", code="repeated_system", detail=f"{system} comes twice.")
        for index, system in enumerate(systems)
        if system in systems[:index]
    ]
    if problems:
        raise Invalid.of(problems)
    return {ref.system: ref.id for ref in refs}


def columns_in(body: Struct, *, skip: Sequence[str] = ()) -> dict[str, Any]:
    """Return the columns that a merge patch sets, without `external_refs` and `skip`."""
    fields = {name: getattr(body, name) for name in body.__struct_fields__}
    left_out = {"external_refs", *skip}
    return {name: value for name, value in fields.items() if value is not UNSET and name not in left_out}
