"""Reads that others may rely on."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from apps.common.selectors import Selectors
from apps.parties.models import Party

SELECTORS = Selectors(noun="party", codes={"party": "code"}, has_refs=True)


def parties() -> QuerySet[Party]:
    """Return every party with its names elsewhere."""
    return Party.objects.prefetch_related("refs")


def find_parties(selectors: Iterable[str]) -> dict[str, Party]:
    """Return the parties that are named, by selector; unknown ones are left out."""
    return SELECTORS.find(Party.objects.all(), selectors)


def codes_of(ids: Iterable[UUID]) -> dict[UUID, tuple[str, str]]:
    """Return code and name by id."""
    return {id_: (code, name) for id_, code, name in Party.objects.filter(pk__in=ids).values_list("pk", "code", "name")}
