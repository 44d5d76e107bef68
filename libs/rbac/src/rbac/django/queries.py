"""What a user may do, and the predicates that keep rows inside a scope."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, override
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, Lookup, Model, Q, QuerySet, UUIDField
from django.db.models.expressions import RawSQL
from django.db.models.sql.compiler import SQLCompiler
from psycopg.sql import SQL, Identifier

from rbac import Grant, Grants, Held, Scope, grants_from
from rbac.django.models import Binding

# Up to so many locations one look-up for each costs less than what one look-up for all may.
_FEW: Final = 200
# Two look-ups by index: one condition on user or group would read the whole table.
_HELD: Final = """
    SELECT held.id, role.code, role.permissions, held.location_id, held.valid_from, held.valid_until, held.group_id
    FROM (
        SELECT * FROM rbac_binding WHERE user_id = %(user)s
        UNION ALL
        SELECT binding.* FROM rbac_binding AS binding
        JOIN {memberships} AS membership ON membership.group_id = binding.group_id
        WHERE membership.user_id = %(user)s
    ) AS held
    JOIN rbac_role AS role ON role.id = held.role_id
    ORDER BY held.id
"""


def held_by(user_id: UUID) -> list[Held]:
    """Return every binding of a user and of the user's groups, whatever its dates, in one query."""
    memberships = Identifier(apps.get_model(settings.RBAC_MEMBERSHIP_MODEL)._meta.db_table)  # noqa: SLF001  (Django's public name)
    with connection.cursor() as cursor:
        cursor.execute(SQL(_HELD).format(memberships=memberships), {"user": user_id})
        return [
            Held(
                binding_id=binding,
                role=role,
                permissions=frozenset(permissions),
                location_id=location,
                valid_from=valid_from,
                valid_until=valid_until,
                group_id=group,
            )
            for binding, role, permissions, location, valid_from, valid_until, group in cursor.fetchall()
        ]


def grants_of(*, user_id: UUID, at: datetime) -> Grants:
    """Return what the user's bindings, and those of the user's groups, grant at an instant, in one query."""
    return grants_from(held_by(user_id), at=at)


def held_in(bindings: QuerySet[Binding]) -> list[Held]:
    """Return some bindings as whoever has them holds them, in one query."""
    return [
        Held(
            binding_id=binding.pk,
            role=binding.role.code,
            permissions=frozenset(binding.role.permissions),
            location_id=binding.location_id,
            valid_from=binding.valid_from,
            valid_until=binding.valid_until,
            group_id=binding.group_id,
        )
        for binding in bindings.select_related("role")
    ]


def path_of(location_id: UUID | None) -> frozenset[UUID]:
    """Return a location and every one above it, in one query; nothing for the root and for what is unknown."""
    if location_id is None:
        return frozenset()
    above = _closure().filter(descendant_id=location_id)
    return frozenset(above.values_list("ancestor_id", flat=True))


def lacking(wanted: Iterable[Grant], *, held: Grants) -> frozenset[str]:
    """Return the permissions of `wanted` that are not held where they are wanted, for as long."""
    return frozenset[str]().union(*(held.lacks(grant, path=path_of(grant.location_id)) for grant in wanted))


def location_ids(scope: Scope) -> list[UUID] | None:
    """Return every location in the scope, in one query; `None` when that is all of them."""
    if scope.everywhere:
        return None
    return list(_descendants(scope).distinct())


def within(scope: Scope, field: str = "location_id") -> Q:
    """Return the predicate that keeps a list to the scope.

    It resolves the scope now, in one query, and binds the ids as one array.  For pages and counts
    of large tables that was 3 to 10 times as fast as `within_subtree`, which is the one to take
    where another predicate already finds few rows.
    """
    ids = location_ids(scope)
    return Q() if ids is None else Q(_EqualsAny(F(field), ids))


def within_subtree(scope: Scope, field: str = "location_id") -> Q:
    """Return the predicate that keeps a selective look-up to the scope, as a subquery on the tree."""
    return Q() if scope.everywhere else Q((f"{field}__in", _descendants(scope)))


def first_of_each[Row: Model](rows: QuerySet[Row], most: int) -> QuerySet[Row]:
    """Return those of `rows` that may be among the first `most` of them, in the order that they have by columns.

    `rows` that `within` keeps to some locations are looked up location by location, by an index that begins with
    theirs: a list in another order would be read up to their first, which may come last. Where there are too many of
    them, or all, `rows` are returned as they are.
    """
    bound = next((node for node in rows.query.where.children if isinstance(node, _EqualsAny)), None)
    if bound is None or len(bound.rhs) > _FEW or len(rows.model._meta.pk_fields) > 1:  # noqa: SLF001  (Django's public name)
        return rows
    if str(rows.query.order_by[0]).removeprefix("-") == bound.lhs.target.attname:
        return rows  # they come location by location already
    return rows.filter(_InArray(F("pk"), _FirstOfEach(rows, bound, most)))


class _FirstOfEach(Expression):
    """The keys of the first rows over all places, found among the first rows of each."""

    output_field = ArrayField(UUIDField())

    def __init__(self, rows: QuerySet[Any], bound: "_EqualsAny", most: int) -> None:
        super().__init__()
        self._rows, self._bound, self._most = rows, bound, most

    @override
    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: object, **__: object
    ) -> tuple[str, tuple[Any, ...]]:
        order = [str(column) for column in self._rows.query.order_by]
        column, place = self._bound.lhs.target.attname, RawSQL("place.id", [])  # nosec B611  (a constant)
        # A range of one, in the order of places first: of that order only the index that begins with the place is,
        # whatever is thought of how many rows a place has.
        inner = self._rows.filter(**{f"{column}__gte": place, f"{column}__lte": place})
        inner = inner.order_by(f"-{column}" if order[0][0] == "-" else column, *order)
        # That it is one of the places is said by where the place comes from.
        inner.query.where.children = [node for node in inner.query.where.children if not isinstance(node, _EqualsAny)]
        first = inner.values_list("pk", *(column.removeprefix("-") for column in order))[: self._most]
        sql, params = first.query.get_compiler(connection=connection).as_sql()
        names = [f"c{number}" for number in range(len(order))]
        by = ", ".join(f"{name} DESC" if column[0] == "-" else name for name, column in zip(names, order, strict=True))
        own = f"({sql}) AS own (key, {', '.join(names)}) ORDER BY {by}"  # names of columns, and what Django made
        places = "unnest(%s::uuid[]) AS place (id)"
        array = f"ARRAY(SELECT own.key FROM {places} CROSS JOIN LATERAL {own} LIMIT %s)"  # noqa: S608  # nosec B608
        return array, (self._bound.rhs, *params, self._most)


class _InArray(Lookup):
    """`field = ANY(array)`, of an array that PostgreSQL computes once."""

    lookup_name = "in_array"
    prepare_rhs = False

    @override
    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        array, more = self.process_rhs(compiler, connection)
        return f"{column} = ANY({array})", (*params, *more)


class _EqualsAny(Lookup):
    """`field = ANY(array)`: one parameter and one plan, whatever the number of ids."""

    lookup_name = "equals_any"
    prepare_rhs = False
    rhs: Sequence[UUID]

    @override
    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::uuid[])", (*params, self.rhs)


def _descendants(scope: Scope) -> QuerySet[Model, UUID]:
    return _closure().filter(ancestor_id__in=scope.roots).values_list("descendant_id", flat=True)


def _closure() -> QuerySet[Model]:
    closure = apps.get_model(settings.RBAC_CLOSURE_MODEL)
    rows: QuerySet[Model] = closure._default_manager.all()  # noqa: SLF001  (Django documents it)
    return rows
