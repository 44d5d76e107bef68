"""`inventory token`: the refresh tokens that keep people signed in."""

from dataclasses import asdict
from typing import Any, ClassVar, override
from uuid import UUID

from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import timezone

from apps.identity import queries
from apps.identity.actions import revoke_session
from apps.identity.management import base


class Command(base.Command):
    help = "List and revoke the refresh tokens of sessions."
    examples: ClassVar[str] = (
        "  inventory token list --user ada\n"
        "  inventory token revoke 0198f1c2-7a3b-7c4d-8e5f-0123456789ab\n"
        "  inventory token revoke --user ada"
    )

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        tasks = self.tasks(parser)
        listed = self.task(tasks, "list", "List the sessions whose refresh token is still good.")
        revoke = self.task(tasks, "revoke", "End one session, or all of a user's.")
        which = revoke.add_mutually_exclusive_group(required=True)
        which.add_argument("session", type=UUID, nargs="?", help="As `inventory token list` shows it.")
        for task in (listed, which):
            task.add_argument("--user", metavar="USERNAME", help="The sessions of one user.")

    @override
    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        user = self.user_named(options["user"]) if options["user"] else None
        found = queries.live_sessions(at=timezone.now(), user_id=user.pk if user else None)
        if options["task"] == "list":
            sessions = [asdict(each) for each in found]
            columns = ("username", "id", "began_at", "last_used_at", "expires_at")
            lines = ([each[name] for name in columns] for each in sessions)
            heads = ("USER", "SESSION", "BEGAN", "USED", "EXPIRES")
            self.answer({"sessions": sessions}, base.table(heads, lines))
            return
        ended = [each.id for each in found if user is not None or each.id == options["session"]]
        for session_id in ended:
            revoke_session(session_id=session_id, user_id=None, origin=self.origin())
        if user is None and not ended:
            detail = f"No session {options['session']} is alive."
            raise self.failed("unknown_session", detail, "`inventory token list` shows those that are.")
        self.answer({"revoked": [str(session_id) for session_id in ended]}, f"Ended {len(ended)} sessions.")
