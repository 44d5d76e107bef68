"""`inventory key`: API keys for programs."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, override

from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import timezone

from apps.identity import queries
from apps.identity.actions import LONGEST_LIFE, create_key, revoke_key
from apps.identity.management import base
from apps.identity.models import ApiKey
from apps.identity.types import Authority, KeySpec

_DAYS = 90


class Command(base.Command):
    help = "Create, list and revoke API keys."
    examples: ClassVar[str] = (
        "  inventory key create erp --permission ledger.view --permission ledger.post\n"
        "  inventory key create erp --permission ledger.post --location WH1 --network 192.0.2.0/24 --days 30\n"
        "  inventory key list --user erp\n"
        "  inventory key revoke 3f9a0c4e7b21"
    )

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        tasks = self.tasks(parser)
        create = self.task(tasks, "create", "Make a key that can do a part of what its owner can; it is shown once.")
        create.add_argument("username", help="The owner: a service account, or a user.")
        create.add_argument("--name", default="", help="What it is for.")
        several: dict[str, Any] = {"action": "append", "default": []}
        create.add_argument("--permission", required=True, metavar="CODE", help="What it may do.", **several)
        create.add_argument("--location", metavar="CODE", help="The location, and all below it, that it is limited to.")
        create.add_argument("--network", metavar="CIDR", help="Where it works from; else from everywhere.", **several)
        life = create.add_mutually_exclusive_group()
        life.add_argument("--days", type=_days, default=_DAYS, help=f"How long it lives; {_DAYS} if not given.")
        life.add_argument("--expires", type=_instant, metavar="TIME", help="When it ends, such as 2027-01-31.")
        listed = self.task(tasks, "list", "List keys, without what makes them work.")
        listed.add_argument("--user", metavar="USERNAME", help="The keys of one owner.")
        listed.add_argument("--live", action="store_true", help="Only those that still work.")
        revoke = self.task(tasks, "revoke", "End a key for ever.")
        revoke.add_argument("prefix", help="As `inventory key list` shows it.")

    @override
    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        match options["task"]:
            case "create":
                self._create(options)
            case "list":
                self._list(options)
            case _:
                self._revoke(options["prefix"])

    def _create(self, options: dict[str, Any]) -> None:
        origin, owner = self.origin(), self.user_named(options["username"])
        spec = KeySpec(
            name=options["name"] or f"{owner.username} {origin.at:%Y-%m-%d}",
            permissions=tuple(options["permission"]),
            location_id=self.place_named(options["location"]),
            networks=tuple(options["network"]),
            expires_at=options["expires"] or origin.at + timedelta(days=options["days"]),
        )
        key, text = create_key(owner, spec, by=Authority.operator(), origin=origin)
        facts = {"id": str(key.pk), "username": owner.username, "prefix": key.prefix, "expires_at": key.expires_at}
        self.answer({**facts, "key": text}, f"The key of {owner.username}, shown this once: {text}")

    def _list(self, options: dict[str, Any]) -> None:
        keys = ApiKey.objects.select_related("user", "location").order_by("user__username", "id")
        keys = keys.filter(user=self.user_named(options["user"])) if options["user"] else keys
        keys = keys.filter(queries.live_keys(at=timezone.now())) if options["live"] else keys
        facts = [
            {
                "prefix": key.prefix,
                "username": key.user.username,
                "name": key.name,
                "permissions": key.permissions,
                "location": key.location.code if key.location else None,
                "networks": key.networks,
                "expires_at": key.expires_at,
                "last_used_at": key.last_used_at,
                "revoked_at": key.revoked_at,
            }
            for key in keys
        ]
        columns = ("prefix", "username", "name", "permissions", "location", "expires_at", "last_used_at", "revoked_at")
        lines = ([each[name] for name in columns] for each in facts)
        heads = ("PREFIX", "OWNER", "NAME", "PERMISSIONS", "LOCATION", "EXPIRES", "LAST USED", "REVOKED")
        self.answer({"keys": facts}, base.table(heads, lines))

    def _revoke(self, prefix: str) -> None:
        key = ApiKey.objects.select_related("user").filter(prefix=prefix).first()
        if key is None:
            prefixes = ApiKey.objects.values_list("prefix", flat=True)
            raise self.failed("unknown_key", f"There is no key {prefix!r}.", self.nearest(prefix, prefixes))
        key = revoke_key(key, by=Authority.operator(), origin=self.origin())
        facts = {"prefix": key.prefix, "username": key.user.username, "revoked_at": key.revoked_at}
        self.answer(facts, f"The key {key.prefix} of {key.user.username} is dead.")


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LONGEST_LIFE.days:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1 to {LONGEST_LIFE.days}")
    return int(text)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; send one such as 2027-01-31") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
