"""What a provider's groups give: bindings that come and go with them, beside those that somebody granted."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from apps.common.db import rows
from apps.identity.models import ProvidedBinding, Provider, User
from rbac.django.actions import AlreadyBound, bind, lock_grants, unbind
from rbac.django.models import Role

type _Place = tuple[str, UUID | None]  # (role code, location or everywhere)


def sync_bindings(*, provider: Provider, user: User, groups: Collection[str]) -> dict[str, Any]:
    """Make what this provider gave to a user be what its groups give now; return what changed, for the event.

    Runs in the caller's transaction. A role that somebody granted by hand is left alone, here and when the group goes.
    """
    lock_grants()
    wanted = _wanted(provider, groups)
    given = {
        (each.binding.role.code, each.binding.location_id): each.binding_id
        for each in ProvidedBinding.objects.filter(provider=provider, user=user).select_related("binding__role")
    }
    unbind(binding_ids=[pk for place, pk in given.items() if place not in wanted])
    granted = []
    for role_code, location_id in sorted(wanted - set(given), key=str):
        try:
            binding = bind(user_id=user.pk, role_code=role_code, location_id=location_id)
        except AlreadyBound:
            continue
        ProvidedBinding.objects.create(provider=provider, user=user, binding=binding)
        granted.append((role_code, location_id))
    revoked = sorted(set(given) - wanted, key=str)
    return {"granted": [_shown(place) for place in granted], "revoked": [_shown(place) for place in revoked]}


def _wanted(provider: Provider, groups: Collection[str]) -> set[_Place]:
    """Return what the groups give; a role or a location that is not there any more gives nothing."""
    mapped = [
        (each["role"], UUID(each["location"]) if each["location"] else None)
        for each in provider.group_roles
        if each["group"] in groups
    ]
    roles = set(Role.objects.filter(code__in={role for role, _ in mapped}).values_list("code", flat=True))
    places = {place for _, place in mapped if place is not None}
    found = rows("SELECT id FROM locations_location WHERE id = ANY(%s)", [list(places)]) if places else []
    known = {None, *(place for (place,) in found)}
    return {(role, place) for role, place in mapped if role in roles and place in known}


def _shown(place: _Place) -> dict[str, str | None]:
    role_code, location_id = place
    return {"role": role_code, "location": str(location_id) if location_id else None}
