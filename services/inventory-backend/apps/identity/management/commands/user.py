"""`inventory user`: the first users, before anybody can sign in to make others."""

import argparse
import getpass
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, override

from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from apps.common.db import rows
from apps.common.management import base
from apps.identity.actions import create_user, grant_role
from audit import Origin
from rbac.django.actions import UnknownRole


class _Role(argparse.Action):
    """Collects `--role CODE`, each with the `--location CODE` that follows it."""

    @override
    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        roles: list[tuple[str, str | None]] = list(namespace.roles)
        if option_string == "--role":
            roles.append((values, None))
        elif not roles or roles[-1][1] is not None:
            parser.error("--location follows the --role that it limits: --role picker --location WH1")
        else:
            roles[-1] = (roles[-1][0], values)
        namespace.roles = roles


class Command(base.Command):
    help = "Create a user."
    examples: ClassVar[str] = (
        "  inventory user create ada --role administrator\n"
        "  inventory user create pia --name 'Pia Picker' --role picker --location WH1 --role viewer"
    )

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
        create = tasks.add_parser("create", help="Create a user with roles; without a password one is made.")
        create.add_argument("username")
        create.add_argument("--name", default="", help="The full name.")
        role: dict[str, Any] = {"action": _Role, "dest": "roles", "default": [], "metavar": "CODE"}
        create.add_argument("--role", help="A role to hold, everywhere or at the location that follows.", **role)
        create.add_argument("--location", help="The location, and all below it, of the --role before.", **role)
        create.add_argument("--password-file", type=Path, help="A file whose first line is the password.")
        create.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="Answer with JSON.")

    @override
    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        password, is_made = self._password(options["password_file"])
        origin = Origin.system(at=timezone.now(), request_id=f"cli-{uuid7()}")
        user = create_user(username=options["username"], name=options["name"], password=password, origin=origin)
        self._grant(user, options["roles"], origin)
        facts = {"id": str(user.pk), "username": user.username, "roles": [code for code, _ in options["roles"]]}
        text = f"Created {user.username}."
        if is_made:
            facts["password"] = password
            text += f" The password, shown this once: {password}"
        self.answer(facts, text)

    def _grant(self, user: Any, roles: Sequence[tuple[str, str | None]], origin: Origin) -> None:
        for code, location in roles:
            found = rows("SELECT id FROM locations_location WHERE code = %s", [location]) if location else [(None,)]
            if not found:
                raise self.failed("unknown_location", f"There is no location {location!r}.", "Nothing was created.")
            try:
                grant_role(user=user, role_code=code, location_id=found[0][0], origin=origin)
            except UnknownRole as error:
                hint = "Nothing was created. `inventory migrate` makes the built-in roles."
                raise self.failed("unknown_role", str(error), hint) from error

    def _password(self, file: Path | None) -> tuple[str, bool]:
        """Return the password, and whether it was made here."""
        if file is not None:
            try:
                return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r"), False
            except (OSError, UnicodeDecodeError) as error:
                reason = type(error).__name__
                raise self.failed(
                    "unreadable_file", f"{file} cannot be read: {reason}.", "Name a text file."
                ) from error
        if sys.stdin.isatty() and (typed := getpass.getpass("Password (empty: make one): ")):
            return typed, False
        return secrets.token_urlsafe(15), True
