"""Changing reference data: each change bumps the version and leaves one audit event, in one transaction."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, connection, models, transaction
from django.db.models.functions import Now
from psycopg import errors as pg

from apps.common.db import constraint_of, violated
from apps.common.errors import Conflict, Duplicate, InUse, Problem, StaleVersion
from apps.common.models import Entity, ExternalRef, Versioned
from audit import Event, Origin
from audit.django import actions as trail

_CHANGED_MEANWHILE = "Somebody else changed this meanwhile. Read it again and decide anew."


class Archived(Conflict):
    """An archived thing is kept for its history and takes part in nothing new."""

    code = "archived"
    title = "Archived"


class ImmutableField(Conflict):
    """A field that is fixed when the thing is made; make another one."""

    code = "immutable_field"
    title = "Fixed since it was made"


def without_fixed(row: Entity, changes: Mapping[str, object], fixed: Collection[str]) -> dict[str, object]:
    """Return `changes` without the fields that stay as they are for ever.

    Raises `ImmutableField`, naming each of `fixed` that would change.
    """
    problems = [
        Problem(pointer=f"#/{name}", code="immutable_field", detail=f"{name} is fixed. Create another one instead.")
        for name in fixed
        if name in changes and changes[name] != getattr(row, name)
    ]
    if problems:
        names = ", ".join(problem.pointer.removeprefix("#/") for problem in problems)
        raise ImmutableField(f"Fixed since it was made: {names}.", problems)
    return {name: value for name, value in changes.items() if name not in fixed}


@transaction.atomic
def create[M: Versioned](row: M, *, noun: str, origin: Origin, refs: Mapping[str, str] | None = None) -> M:
    """Insert `row`, with its names in other systems (`{system: value}`), and return it.

    Raises `Duplicate` where a unique name is taken.
    """
    with _told(noun):
        row.save(force_insert=True)
        row.refresh_from_db()
        _replace_refs(row, refs)
        _record(f"{noun}.created", noun, row, origin, after=_facts(row) | _named(refs))
    return row


@transaction.atomic
def change[M: Versioned](
    row: M, changes: Mapping[str, object], *, noun: str, origin: Origin, refs: Mapping[str, str] | None = None
) -> M:
    """Write `changes` (column: value) to the version of `row` that was read, and return it.

    Raises `StaleVersion` where somebody else was faster, and `Duplicate` where a unique name is taken.
    """
    before = _facts(row) | _named(None if refs is None else _refs(row))
    for column, value in changes.items():
        setattr(row, column, value)
    with _told(noun):
        _write(row, {name: getattr(row, name) for name in changes})
        _replace_refs(row, refs)
        _record(f"{noun}.changed", noun, row, origin, before=before, after=_facts(row) | _named(refs))
    return row


@transaction.atomic
def archive[M: Entity](row: M, *, noun: str, origin: Origin) -> M:
    """Take `row` out of lists and out of new work; archiving twice changes nothing."""
    if row.archived_at is None:
        _write(row, {"archived_at": origin.at})
        _record(f"{noun}.archived", noun, row, origin)
    return row


@transaction.atomic
def restore[M: Entity](row: M, *, noun: str, origin: Origin) -> M:
    """Undo `archive`."""
    if row.archived_at is not None:
        _write(row, {"archived_at": None})
        _record(f"{noun}.restored", noun, row, origin)
    return row


@transaction.atomic
def delete(row: Versioned, *, noun: str, origin: Origin) -> None:
    """Delete the version of `row` that was read, if it was never referenced.

    Raises `StaleVersion` where somebody changed it meanwhile, and `InUse` for what is referenced: archive that.
    """
    facts, key = _facts(row), row.pk
    manager: models.Manager[Any] = type(row)._default_manager  # noqa: SLF001  (Django's public name)
    if manager.select_for_update().filter(pk=key, version=row.version).first() is None:
        raise StaleVersion(_CHANGED_MEANWHILE)
    try:
        with transaction.atomic():
            row.delete()
            row.pk = key
            _record(f"{noun}.deleted", noun, row, origin, before=facts)
            # Somebody may refer to it since Django looked; at COMMIT nobody could put the refusal into words.
            connection.check_constraints()
    except (models.ProtectedError, models.RestrictedError, IntegrityError) as error:
        raise InUse(f"This {noun} is referenced. {_instead(row)}") from error


def _instead(row: Versioned) -> str:
    return "Archive it instead." if isinstance(row, Entity) else "Remove what refers to it first."


def _write(row: Versioned, values: Mapping[str, Any]) -> None:
    manager: models.Manager[Any] = type(row)._default_manager  # noqa: SLF001  (Django's public name)
    written = manager.filter(pk=row.pk, version=row.version).update(**values, version=row.version + 1, updated_at=Now())
    if not written:
        raise StaleVersion(_CHANGED_MEANWHILE)
    row.refresh_from_db()


def _replace_refs(row: Versioned, refs: Mapping[str, str] | None) -> None:
    if refs is None:
        return
    manager: Any = getattr(row, "refs")  # noqa: B009  (entities without refs never come here)
    manager.all().delete()
    kind: Callable[..., ExternalRef] = manager.model
    owner = manager.field.name
    manager.bulk_create(kind(**{owner: row}, system=system, value=value) for system, value in refs.items())


def _facts(row: Versioned) -> dict[str, Any]:
    skipped = {"id", "version", "created_at", "updated_at"}
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields  # noqa: SLF001  (Django's public name)
        if field.attname not in skipped
    }


def _refs(row: Versioned) -> dict[str, str]:
    refs: Any = getattr(row, "refs")  # noqa: B009  (entities without refs never come here)
    return dict(refs.values_list("system", "value"))


def _named(refs: Mapping[str, str] | None) -> dict[str, Any]:
    """Return what an audit event says of names in other systems: nothing where they were not touched."""
    return {} if refs is None else {"external_refs": dict(refs)}


def _record(
    action: str,
    noun: str,
    row: Versioned,
    origin: Origin,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    event = Event(action=action, object_type=noun, object_id=str(row.pk), before=before, after=after)
    trail.record(event, origin=origin)


@contextmanager
def _told(noun: str) -> Iterator[None]:
    """Say in the domain's words what a constraint refused."""
    try:
        with transaction.atomic():
            yield
            # What it refers to may be gone by now; COMMIT could not say so in words. The event is recorded before: a
            # check that finds none would tell of raw SQL.
            connection.check_constraints()
    except IntegrityError as error:
        if violated(error, pg.UniqueViolation):
            raise Duplicate(f"Another {noun} has this name already ({constraint_of(error)}).") from error
        raise Conflict(f"This {noun} breaks the rule {constraint_of(error)}.") from error
