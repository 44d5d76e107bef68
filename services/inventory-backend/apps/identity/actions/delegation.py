"""Nobody hands out, or takes away, more than they hold at that place and for that long."""

from collections.abc import Iterable
from uuid import UUID

from apps.common.errors import Forbidden, Problem
from apps.identity.models import User
from audit import Origin
from rbac import Grant, Grants
from rbac.django.queries import grants_of, lacking


class BeyondOwnGrants(Forbidden):
    """A change of roles, groups or bindings hands out or takes away what its author does not hold there."""

    code = "beyond_own_grants"
    title = "More than you hold"


def require_held(
    handed: Iterable[Grant], *, permission: str, location_id: UUID | None, caller: Grants, origin: Origin
) -> None:
    """Refuse a change that hands out `handed` unless its author holds all of it, and `permission` at the location.

    `caller` is what the request may use. What the author holds is read again here: after `lock_grants`, so that a
    right that was revoked meanwhile no longer counts.

    Raises `BeyondOwnGrants`, which names the permissions that are missing.
    """
    wanted = [Grant(frozenset({permission}), location_id, origin.at), *handed]
    missing = lacking(wanted, held=caller) | lacking(wanted, held=_held_now(origin))
    if missing:
        raise BeyondOwnGrants(
            "You can hand out and take away what you hold yourself, where you hold it and for as long.",
            [
                Problem(pointer="#", code="beyond_own_grants", detail=f"You do not hold {code} there for that long.")
                for code in sorted(missing)
            ],
        )


def _held_now(origin: Origin) -> Grants:
    if origin.actor_id is None or not User.objects.filter(pk=origin.actor_id, is_active=True).exists():
        return Grants()
    return grants_of(user_id=origin.actor_id, at=origin.at)
