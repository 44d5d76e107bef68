"""`inventory user`: people and services, before anybody can sign in to manage them and whenever nobody can."""

import argparse
import getpass
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, override

from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import timezone

from apps.identity import queries
from apps.identity.actions import (
    create_service_account,
    create_user,
    disable_user,
    enable_user,
    grant_role,
    set_password,
)
from apps.identity.management import base
from apps.identity.models import User
from apps.identity.types import Authority
from audit import Origin
from rbac.django.actions import AlreadyBound, UnknownRole


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
    help = "Create, list, disable and enable users, set a password, see sessions."
    examples: ClassVar[str] = (
        "  inventory user create ada --role administrator\n"
        "  inventory user create pia --name 'Pia Picker' --role picker --location WH1 --role viewer\n"
        "  inventory user create erp --service --role viewer\n"
        "  inventory user list --disabled\n"
        "  inventory user disable pia"
    )

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        tasks = self.tasks(parser)
        create = self.task(tasks, "create", "Create a user with roles; without a password one is made.")
        create.add_argument("username")
        create.add_argument("--name", default="", help="The full name.")
        create.add_argument("--service", action="store_true", help="A program, which comes with an API key.")
        role: dict[str, Any] = {"action": _Role, "dest": "roles", "default": [], "metavar": "CODE"}
        create.add_argument("--role", help="A role to hold, everywhere or at the location that follows.", **role)
        create.add_argument("--location", help="The location, and all below it, of the --role before.", **role)
        self._add_password(create)
        listed = self.task(tasks, "list", "List users and service accounts.")
        listed.add_argument("--disabled", action="store_true", help="Only those that are switched off.")
        listed.add_argument("--service", action="store_true", help="Only service accounts.")
        for name, text in (
            ("disable", "Switch a user off: sessions end, API keys are dead."),
            ("enable", "Switch a user on again."),
            ("set-password", "Replace a password, which ends all sessions; without one it is made."),
            ("sessions", "List the sessions that a user could still refresh."),
        ):
            task = self.task(tasks, name, text, examples=f"  inventory user {name} ada")
            task.add_argument("username")
            if name == "set-password":
                self._add_password(task)

    @override
    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        act: dict[str, Callable[[dict[str, Any]], None]] = {
            "create": self._create,
            "list": self._list,
            "disable": self._switch,
            "enable": self._switch,
            "set-password": self._set_password,
            "sessions": self._sessions,
        }
        act[options["task"]](options)

    def _add_password(self, parser: CommandParser) -> None:
        parser.add_argument("--password-file", type=Path, help="A file whose first line is the password.")

    def _create(self, options: dict[str, Any]) -> None:
        origin = self.origin()
        username, name, password = options["username"], options["name"], ""
        if options["service"] and options["password_file"]:
            raise self.failed("no_password", "A service has no password.", "Leave --password-file out.")
        if options["service"]:
            user, is_made = create_service_account(username=username, name=name, origin=origin), False
        else:
            password, is_made = self._password(options["password_file"])
            user = create_user(username=username, name=name, password=password, origin=origin)
        self._grant(user, options["roles"], origin)
        facts = {"id": str(user.pk), "username": user.username, "roles": [code for code, _ in options["roles"]]}
        self._answer_with_password(facts, f"Created {user.username}.", password if is_made else "")

    def _grant(self, user: User, roles: Sequence[tuple[str, str | None]], origin: Origin) -> None:
        for code, location in roles:
            place = self.place_named(location)
            try:
                grant_role(user=user, role_code=code, location_id=place, origin=origin)
            except UnknownRole as error:
                hint = "Nothing was created. `inventory migrate` makes the built-in roles."
                raise self.failed("unknown_role", str(error), hint) from error
            except AlreadyBound as error:
                raise self.failed("duplicate", str(error), "Nothing was created. Name each role once.") from error

    def _list(self, options: dict[str, Any]) -> None:
        users = User.objects.order_by("kind", "username")
        users = users.filter(is_active=False) if options["disabled"] else users
        users = users.filter(kind="service") if options["service"] else users
        columns = ("username", "name", "kind", "email", "is_active")
        facts = [{"id": str(user.pk)} | {name: getattr(user, name) for name in columns} for user in users]
        heads = ("USERNAME", "NAME", "KIND", "E-MAIL", "ACTIVE")
        self.answer({"users": facts}, base.table(heads, ([each[name] for name in columns] for each in facts)))

    def _switch(self, options: dict[str, Any]) -> None:
        act = disable_user if options["task"] == "disable" else enable_user
        user = act(self.user_named(options["username"]), by=Authority.operator(), origin=self.origin())
        facts = {"id": str(user.pk), "username": user.username, "is_active": user.is_active}
        self.answer(facts, f"{user.username} is switched {'on' if user.is_active else 'off'}.")

    def _set_password(self, options: dict[str, Any]) -> None:
        user = self.user_named(options["username"])
        password, is_made = self._password(options["password_file"])
        set_password(user, password, by=Authority.operator(), origin=self.origin())
        text = f"{user.username} has a new password, and no session any more."
        self._answer_with_password({"id": str(user.pk), "username": user.username}, text, password if is_made else "")

    def _sessions(self, options: dict[str, Any]) -> None:
        user = self.user_named(options["username"])
        sessions = [asdict(each) for each in queries.live_sessions(at=timezone.now(), user_id=user.pk)]
        columns = ("id", "began_at", "last_used_at", "expires_at")
        lines = ([each[name] for name in columns] for each in sessions)
        self.answer({"sessions": sessions}, base.table(("SESSION", "BEGAN", "USED", "EXPIRES"), lines))

    def _answer_with_password(self, facts: dict[str, Any], text: str, password: str) -> None:
        if password:
            facts, text = {**facts, "password": password}, f"{text} The password, shown this once: {password}"
        self.answer(facts, text)

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
