"""API keys: made, revoked, seen in use."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from apps.common.errors import Conflict, Invalid, Problem
from apps.identity import api_keys, queries
from apps.identity.actions.authority import locked
from apps.identity.models import ApiKey, User
from apps.identity.types import Authority, KeySpec
from audit import Event, Origin
from audit.django import actions as trail
from rbac import Grants, UnknownPermission, registry

LONGEST_LIFE: Final = timedelta(days=366)

# Of requests that come at once one writes, and none of them waits.
_NOTE_USE: Final = """
UPDATE identity_api_key SET last_used_at = %(at)s WHERE id IN (
    SELECT id FROM identity_api_key WHERE id = %(key)s FOR NO KEY UPDATE SKIP LOCKED
)
"""


class OwnerDisabled(Conflict):
    """The owner of a key to be made is switched off, so the key would be dead."""

    code = "owner_disabled"
    title = "The owner is switched off"


@transaction.atomic
def create_key(owner: User, spec: KeySpec, *, by: Authority, origin: Origin) -> tuple[ApiKey, str]:
    """Make an API key, and return it with its text, which nobody can read again.

    Raises `HoldsMore` where the owner can do more than the caller, `Invalid` for permissions that the owner does not
    hold there, a life that is over or too long, and networks that are none, and `OwnerDisabled`.
    """
    account = locked(owner, by=by, at=origin.at)
    if not account.is_active:
        raise OwnerDisabled(f"{account.username} is switched off. Enable the account first.")
    problems = [*_in_permissions(spec), *_in_life(spec, origin.at), *_in_networks(spec)]
    if problems:
        raise Invalid.of(problems)
    made = api_keys.make_key()
    key = ApiKey.objects.create(
        user=account,
        name=spec.name,
        prefix=made.prefix,
        digest=made.digest,
        permissions=sorted(set(spec.permissions)),
        location_id=spec.location_id,
        networks=[str(ip_network(network)) for network in spec.networks],
        created_at=origin.at,
        expires_at=spec.expires_at,
    )
    # By the query that every request of the key will run: what it leaves of the owner's grants is said in one place.
    found = queries.find_key(prefix=made.prefix, at=origin.at)
    unheld = list(_unheld(spec, found.principal.grants if found else Grants(), account))
    if unheld:
        raise Invalid.of(unheld)
    _record("api_key.created", key, origin, after=_facts(key))
    return key, made.text


@transaction.atomic
def revoke_key(key: ApiKey, *, by: Authority, origin: Origin) -> ApiKey:
    """End a key for ever; revoking twice changes nothing. Raises `HoldsMore` as `create_key` does."""
    locked(key.user, by=by, at=origin.at)
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=origin.at):
        _record("api_key.revoked", key, origin, before=_facts(key))
    key.refresh_from_db(fields=["revoked_at"])
    return key


def note_key_use(*, key_id: UUID, at: datetime) -> None:
    """Write down that a key was used at `at`."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_USE, {"key": key_id, "at": at})


def _in_permissions(spec: KeySpec) -> Iterator[Problem]:
    if not spec.permissions:
        yield Problem(pointer="#/permissions", code="required", detail="Name what the key may do.")
    for index, code in enumerate(spec.permissions):
        try:
            registry.get(code)
        except UnknownPermission as unknown:
            yield Problem(pointer=f"#/permissions/{index}", code="unknown_permission", detail=str(unknown))


def _unheld(spec: KeySpec, grants: Grants, owner: User) -> Iterator[Problem]:
    where = "anywhere" if spec.location_id is None else "at this location"
    for index, code in enumerate(spec.permissions):
        if not grants.allows(code):
            text = f"{owner.username} does not hold {code} {where}: bind the owner to a role first."
            yield Problem(pointer=f"#/permissions/{index}", code="not_held", detail=text)


def _in_life(spec: KeySpec, at: datetime) -> Iterator[Problem]:
    if not at < spec.expires_at <= at + LONGEST_LIFE:
        text = f"Send a time within the next {LONGEST_LIFE.days} days."
        yield Problem(pointer="#/expires_at", code="bad_expiry", detail=text)


def _in_networks(spec: KeySpec) -> Iterator[Problem]:
    for index, network in enumerate(spec.networks):
        try:
            ip_network(network)
        except ValueError as error:
            text = f"Send an address such as 192.0.2.7 or a network such as 192.0.2.0/24: {error}."
            yield Problem(pointer=f"#/networks/{index}", code="invalid_network", detail=text)


def _facts(key: ApiKey) -> dict[str, Any]:
    return {
        "user": key.user_id,
        "name": key.name,
        "prefix": key.prefix,
        "permissions": key.permissions,
        "location": key.location_id,
        "networks": key.networks,
        "expires_at": key.expires_at,
    }


def _record(action: str, key: ApiKey, origin: Origin, **states: Any) -> None:
    trail.record(Event(action=action, object_type="api_key", object_id=str(key.pk), **states), origin=origin)
