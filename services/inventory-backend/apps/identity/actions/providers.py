"""Where people may sign in: made, tested, and only then switched on."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import transaction

from apps.common import records
from apps.common.db import rows
from apps.common.errors import Conflict, Forbidden, InUse, Invalid, Problem
from apps.identity.models import ExternalIdentity, Provider, ScimUser
from apps.identity.permissions import MANAGE_PROVIDERS
from apps.identity.providers import Check, provider_of
from apps.identity.providers.oidc.provider import issuers
from audit import Event, Origin
from audit.django import actions as trail
from rbac import Grants
from rbac.django.models import Role
from rbac.django.queries import location_ids

_TRUST: Final = ("issuer", "metadata_url", "sign_on_url", "certificates")


class NotTested(Conflict):
    """A provider is switched on only with the settings that were tried with success."""

    code = "not_tested"
    title = "Not tested"


class TrustIsFixed(Conflict):
    """Whoever could say anew whose signature counts could sign in as anybody who came from there."""

    code = "trust_is_fixed"
    title = "Fixed since somebody signed in"


class LastWayIn(Conflict):
    """Nobody could sign in any more."""

    code = "last_way_in"
    title = "The last way in"


def create_provider(provider: Provider, *, grants: Grants, origin: Origin) -> Provider:
    """Add a provider, switched off.

    Raises `Duplicate`, `Invalid` for a role or a place that is not there, and `Forbidden` for one beyond the caller's
    own.
    """
    _refuse_wider(provider.group_roles, grants)
    return records.create(provider, noun="provider", origin=origin)


def change_provider(provider: Provider, changes: Mapping[str, Any], *, grants: Grants, origin: Origin) -> Provider:
    """Change a provider; what changes its settings switches it off until they are tested.

    Raises as `create_provider`, `StaleVersion`, and where this one has people here `TrustIsFixed` for other keys and
    `InUse` for another issuer: it could say that somebody of its own is anybody whom this one made.
    """
    written = dict(changes)
    if "group_roles" in written:
        _refuse_wider(written["group_roles"], grants)
    if written.get("settings", provider.settings) != provider.settings:
        _refuse_other_trust(provider, written["settings"])
        written["is_enabled"] = False
    changed = records.change(provider, written, noun="provider", origin=origin)
    issuers.forget()
    return changed


def replace_metadata(provider: Provider, settings: Mapping[str, Any], *, origin: Origin) -> Provider:
    """Say anew whose signatures count, as whoever runs the service: nobody may do so over HTTP."""
    return records.change(provider, {"settings": settings, "is_enabled": False}, noun="provider", origin=origin)


def delete_provider(provider: Provider, *, origin: Origin) -> None:
    """Delete a provider that is off and that nobody ever came from; raises `InUse` for any other."""
    if provider.kind == "local" or provider.is_enabled:
        raise InUse("Only a provider that is switched off can be deleted, and passwords only switched off.")
    records.delete(provider, noun="provider", origin=origin)


def test_provider(provider: Provider, *, origin: Origin) -> Sequence[Check]:
    """Try what can be tried without a person; note success for `enable_provider`."""
    checks = provider_of(provider).check()
    is_ok = all(check.is_ok for check in checks)
    after = {"ok": is_ok, "failed": [check.name for check in checks if not check.is_ok]}
    with transaction.atomic():
        # Not a new version: the ETag stands for what somebody decided, and nobody decided anything here.
        Provider.objects.filter(pk=provider.pk).update(tested_digest=_digest(provider) if is_ok else "")
        event = Event(action="provider.tested", object_type="provider", object_id=str(provider.pk), after=after)
        trail.record(event, origin=origin)
    return checks


def enable_provider(provider: Provider, *, origin: Origin) -> Provider:
    """Switch a provider on; raises `NotTested` unless these settings were tried with success."""
    if provider.kind != "local" and provider.tested_digest != _digest(provider):
        raise NotTested("Test this provider first: its settings were not tried with success.")
    return records.change(provider, {"is_enabled": True}, noun="provider", origin=origin)


def disable_provider(provider: Provider, *, origin: Origin) -> Provider:
    """Switch a provider off; raises `LastWayIn` where no other is on."""
    with transaction.atomic():
        others = Provider.objects.select_for_update().filter(is_enabled=True).exclude(pk=provider.pk)
        if provider.is_enabled and not others:
            raise LastWayIn("Switch another provider on first: nobody could sign in any more.")
        return records.change(provider, {"is_enabled": False}, noun="provider", origin=origin)


def refuse_unless_everywhere(grants: Grants) -> None:
    """Refuse who manages providers for some locations only: a provider lets people in everywhere."""
    if not grants.scope(MANAGE_PROVIDERS).everywhere:
        raise Forbidden(f"Providers belong to those who hold {MANAGE_PROVIDERS} everywhere.")


def _refuse_other_trust(provider: Provider, settings: Mapping[str, Any]) -> None:
    """Refuse what would let another key speak for people who are known here.

    An OpenID issuer's keys come from its own address, which is part of who somebody is; SAML's come from metadata that
    can be anywhere.
    """
    changed = [name for name in _TRUST if settings.get(name) != provider.settings.get(name)]
    if provider.kind == "saml" and changed and provider.identities.exists():
        text = (
            f"People came from here: use `inventory provider metadata {provider.code}` on the server, or add another."
        )
        raise TrustIsFixed.at(f"#/{changed[0]}", "trust_is_fixed", text)
    if settings.get("issuer") != provider.settings.get("issuer") and _has_people(provider):
        text = "People came from this issuer, or it provisioned some. Make another provider for another issuer."
        raise InUse(text, [Problem(pointer="#/issuer", code="in_use", detail=text)])


def _refuse_wider(group_roles: Sequence[Mapping[str, Any]], grants: Grants) -> None:
    """Refuse a mapping that gives what the caller does not hold there: it would be a grant by another name."""
    refuse_unless_everywhere(grants)
    roles = dict(Role.objects.values_list("code", "permissions"))
    known = {str(pk) for (pk,) in rows("SELECT id FROM locations_location", [])} if group_roles else set()
    problems = []
    for index, each in enumerate(group_roles):
        pointer = f"#/group_roles/{index}"
        if each["role"] not in roles:
            text = f"There is no role {each['role']}."
            problems.append(Problem(pointer=f"{pointer}/role", code="unknown_role", detail=text))
        elif each["location"] is not None and each["location"] not in known:
            text = f"There is no location {each['location']}."
            problems.append(Problem(pointer=f"{pointer}/location", code="unknown_location", detail=text))
        elif missing := [code for code in roles[each["role"]] if not _holds(grants, code, each["location"])]:
            text = f"{each['role']} gives {', '.join(sorted(missing))}, which you do not hold there."
            raise Forbidden.at(f"{pointer}/role", "wider_than_own", text)
    if problems:
        raise Invalid.of(problems)


def _has_people(provider: Provider) -> bool:
    return (
        ExternalIdentity.objects.filter(provider=provider).exists()
        or ScimUser.objects.filter(provider=provider).exists()
    )


def _holds(grants: Grants, permission: str, location: str | None) -> bool:
    scope = grants.scope(permission)
    return scope.everywhere or (location is not None and UUID(location) in (location_ids(scope) or []))


def _digest(provider: Provider) -> str:
    told: dict[str, Any] = {"kind": provider.kind, "settings": provider.settings}
    return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()
