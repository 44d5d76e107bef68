# ruff: noqa: N999  (the command's name)
"""`inventory import`: a whole CSV file through the actions of the API."""

import time
from pathlib import Path
from typing import Any, ClassVar, override

from django.core.management.base import CommandParser
from django.utils import timezone
from uuid_utils.compat import uuid7

from apps.common.management import base
from apps.dataio.actions import import_file
from apps.dataio.actions.imports import NOUNS
from apps.dataio.types import Options
from audit import Origin


class Command(base.Command):
    help = "Import items, locations or stock transactions from a CSV file, or say everything that is wrong with it."
    examples: ClassVar[str] = (
        "  inventory import items items.csv --dry-run\n"
        "  inventory import locations places.csv --map Place=code --map Type=kind\n"
        "  inventory import transactions opening.csv     # cut off? run it again, it goes on where it stopped"
    )

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("noun", choices=NOUNS, help="What the rows are.")
        parser.add_argument("file", type=Path, help="A CSV file in UTF-8 with a header.")
        parser.add_argument(
            "--map", action="append", default=[], metavar="A=B", help="The file's column A is our column B; repeatable."
        )
        parser.add_argument("--dry-run", action="store_true", help="Judge the whole file and store nothing.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        noun, is_dry_run, began = options["noun"], options["dry_run"], time.monotonic()

        def progress(done: int, total: int) -> None:
            rate = done / max(time.monotonic() - began, 1e-6)
            self.progress(f"{noun}: {done}/{total} rows, {rate:.0f} rows/s")

        found = import_file(
            noun,
            self._content(options["file"]),
            renames=self._renames(options["map"]),
            options=Options(is_dry_run=is_dry_run, progress=progress),
            origin=Origin.system(at=timezone.now(), request_id=f"cli-{uuid7()}"),
        )
        stored = 0 if is_dry_run else found.rows - found.already
        text = f"{stored} rows of {noun} stored." + (f" {found.already} were there already." if found.already else "")
        facts = {"noun": noun, "rows": found.rows, "stored": stored, "already": found.already}
        facts |= {"dry_run": is_dry_run, "sha256": found.sha256}
        self.answer(facts, f"{found.rows} rows of {noun} are fine; nothing was stored." if is_dry_run else text)

    def _content(self, file: Path) -> bytes:
        try:
            return file.read_bytes()
        except OSError as error:
            raise self.failed("unreadable_file", f"{file} cannot be read: {error.strerror}.", "Name a file.") from error

    def _renames(self, pairs: list[str]) -> dict[str, str]:
        renames = {}
        for pair in pairs:
            theirs, equals, ours = pair.rpartition("=")
            if not equals or not theirs or not ours:
                raise self.failed("wrong_map", f"--map {pair} is not understood.", "Write --map 'their name=our name'.")
            renames[theirs] = ours
        return renames
