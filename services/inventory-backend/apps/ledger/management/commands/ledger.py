"""`inventory ledger`: are the books right?"""

from argparse import SUPPRESS
from dataclasses import asdict
from typing import Any, ClassVar, override

from django.core.management.base import CommandError, CommandParser
from django.db import connection, transaction

from apps.common.management import base
from apps.ledger.queries import integrity, rebuild_differences


class Command(base.Command):
    help = "Check the ledger, or see what a rebuild of the balances would change."
    examples: ClassVar[str] = "  inventory ledger verify --json\n  inventory ledger rebuild --dry-run"

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
        verify = tasks.add_parser("verify", help="Check every invariant; exit code 1 when one is broken.")
        rebuild = tasks.add_parser("rebuild", help="Fold the postings anew and compare.")
        rebuild.add_argument(
            "--dry-run", action="store_true", required=True, help="Change nothing; nothing else is offered so far."
        )
        for task in (verify, rebuild):
            task.add_argument("--json", action="store_true", default=SUPPRESS, help="Answer with JSON.")

    @override
    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            # It reads every posting, which takes as long as it takes.
            cursor.execute("SET LOCAL statement_timeout = 0")
        if options["task"] == "verify":
            breaks = [asdict(each) for each in integrity()]
            self._report("breaks", breaks, clean="The ledger is clean.")
        else:
            differences = [asdict(each) for each in rebuild_differences()]
            self._report("differences", differences, clean="A rebuild would change nothing.")

    def _report(self, name: str, found: list[dict[str, Any]], *, clean: str) -> None:
        lines = [", ".join(f"{key} {value}" for key, value in row.items()) for row in found]
        self.answer({"clean": not found, name: found}, "\n".join(lines) or clean)
        if found:
            raise CommandError(f"{len(found)} {name} found.", returncode=base.REFUSED)
