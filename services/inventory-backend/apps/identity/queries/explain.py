"""Why somebody may or may not."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from apps.identity.models import User
from apps.identity.queries.bindings import places, roles
from apps.identity.types import Explained, Explanation
from rbac import Held, Scope, verdict_on
from rbac.django.queries import held_by, path_of


def explanation(user: User, *, permission: str, location: Any | None, scope: Scope, at: datetime) -> Explanation:
    """Return what each binding of a user says to: may they do this at the location (None: everywhere)?

    The asker sees roles within `scope`, which covers the location: what is bound elsewhere is left out outside of it.
    """
    held = held_by(user.pk)
    path = path_of(location.pk if location else None)
    seen = {place.pk: (place.pk, place.code, place.name) for place in _seen(held, scope)}
    names = {group.pk: (group.pk, group.code, group.name) for group in user.groups.all()}
    return Explanation(
        user=(user.pk, user.username, user.name),
        is_active=user.is_active,
        permission=permission,
        location=(location.pk, location.code, location.name) if location else None,
        bindings=tuple(
            Explained(
                held=each,
                verdict=verdict_on(each, permission=permission, path=path, at=at),
                is_above=each.location_id in path,
                group=names.get(each.group_id) if each.group_id else None,
                location=seen.get(each.location_id) if each.location_id else None,
            )
            for each in held
            if each.location_id is None or each.location_id in path or each.location_id in seen
        ),
        roles=tuple(roles().filter(permissions__contains=[permission]).order_by("code").values_list("code", flat=True)),
    )


def _seen(held: Iterable[Held], scope: Scope) -> QuerySet[Any]:
    return places(scope).filter(pk__in={each.location_id for each in held})
