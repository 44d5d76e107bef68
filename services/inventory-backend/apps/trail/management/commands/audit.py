"""`inventory audit`: is the record what it was, and how does somebody else come to know?"""

import base64
import time
from argparse import SUPPRESS, ArgumentTypeError
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Final, override

from django.core.management.base import CommandError, CommandParser

from apps.common.management import base
from apps.trail import queries
from apps.trail.actions import FORMATS, forward_trail, keep_forwarding, keep_sealing, seal_trail
from apps.trail.keys import log_name, signing_key
from audit import NotDelivered, verifier_key
from audit.django.sealer import EpochNotAdvanced

_FOLLOW_SECONDS: Final = 1.0


class Command(base.Command):
    help = "Seal, verify, prove, export and forward the audit trail."
    examples: ClassVar[str] = (
        "  inventory audit checkpoint > checkpoints/$(date +%F)       keep it where no owner of the database writes\n"
        "  inventory audit verify --against checkpoints/2026-11-23    exit code 1 when something is not as it was\n"
        "  inventory audit verify --from 1200 --json\n"
        "  inventory audit prove 4711 --json\n"
        "  inventory audit export --format ocsf --after 4711 --follow\n"
        "  inventory audit seal\n"
        "  INVENTORY_AUDIT_SINK=syslog+tls://siem.example.com:6514 inventory audit forward\n"
        "  INVENTORY_AUDIT_SINK=file:///var/log/inventory/audit inventory audit forward --every 1"
    )

    @override
    def add_arguments(self, parser: CommandParser) -> None:
        tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
        seal = tasks.add_parser("seal", help="Seal what is final; `serve` does it every second.")
        seal.add_argument("--every", type=_seconds, metavar="SECONDS", help="Go on until the parent process ends.")
        verify = tasks.add_parser("verify", help="Compare all events with the seals.")
        verify.add_argument("--against", type=Path, metavar="FILE", help="A checkpoint that was kept elsewhere.")
        verify.add_argument("--from", dest="since", type=int, metavar="SEAL", help="Trust this seal; begin after it.")
        prove = tasks.add_parser("prove", help="Prove that an event is in the trail, against the newest checkpoint.")
        prove.add_argument("seq", type=int, metavar="SEQ", help="The event's number.")
        export = tasks.add_parser("export", help="Write final events, one on a line, in the order of their seals.")
        export.add_argument("--format", choices=FORMATS, default="ocsf", help="The form (default: %(default)s).")
        export.add_argument("--after", type=int, metavar="SEQ", help="Go on after this event: the last one received.")
        export.add_argument("--follow", action="store_true", help="Go on with what comes, until Ctrl-C.")
        forward = tasks.add_parser("forward", help="Send final events to INVENTORY_AUDIT_SINK; `serve` does it too.")
        forward.add_argument("--every", type=_seconds, metavar="SECONDS", help="Go on until the parent process ends.")
        checkpoint = tasks.add_parser("checkpoint", help="Write the newest seal's signed note.")
        for task in (seal, verify, prove, export, forward, checkpoint):
            task.add_argument("--json", action="store_true", default=SUPPRESS, help="Answer with JSON.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        tasks = {
            "seal": self._seal,
            "verify": self._verify,
            "prove": self._prove,
            "export": self._export,
            "forward": self._forward,
            "checkpoint": self._checkpoint,
        }
        try:
            tasks[options["task"]](options)
        except EpochNotAdvanced as error:
            raise self.failed("epoch_not_advanced", str(error), "Nothing was sealed.") from error

    def _seal(self, options: dict[str, Any]) -> None:
        if options["every"] is not None:
            for _ in keep_sealing(every_seconds=options["every"]):
                pass
            return
        made = seal_trail()
        if made is None:
            self.answer({"sealed": False}, "There is nothing new to seal.")
        else:
            facts = {"sealed": True, "seal": made.number, "size": made.size}
            self.answer(facts, f"Seal {made.number} covers {made.size} events.")

    def _verify(self, options: dict[str, Any]) -> None:
        file: Path | None = options["against"]
        report = queries.verified(since=options["since"], against=None if file is None else self._note_in(file))
        breaks = [{**asdict(each), "kind": each.kind.value} for each in report.breaks]
        facts = {
            "clean": report.is_clean,
            "breaks": breaks,
            "seals": report.seals,
            "events": report.events,
            "unsealed": report.unsealed,
        }
        text = (
            f"{report.events} events under {report.seals} seals are as they were; {report.unsealed} are not sealed yet."
        )
        lines = [f"{each['kind']}: {each['detail']}" for each in breaks]
        self.answer(facts, "\n".join(lines) or text)
        if not report.is_clean:
            raise CommandError(f"{len(breaks)} breaks found.", returncode=base.REFUSED)

    def _prove(self, options: dict[str, Any]) -> None:
        proof = queries.proof_of_seq(options["seq"])
        path = [base64.b64encode(hash_).decode() for hash_ in proof.path]
        facts = {
            "content": proof.content,
            "index": proof.index,
            "size": proof.size,
            "path": path,
            "checkpoint": proof.note,
        }
        lines = [f"leaf {proof.index} of {proof.size}", proof.content, *path, "", proof.note]
        self.answer(facts, "\n".join(lines))

    def _export(self, options: dict[str, Any]) -> None:
        spelled, program, after = FORMATS[options["format"]], version("inventory-backend"), options["after"]
        while True:
            for leaf in queries.final_events(after_seq=after):
                self.stdout.write(spelled(leaf.columns, version=program))
                after = leaf.seq
            self.stdout.flush()
            if not options["follow"]:
                return
            time.sleep(_FOLLOW_SECONDS)

    def _forward(self, options: dict[str, Any]) -> None:
        if options["every"] is not None:
            for _ in keep_forwarding(every_seconds=options["every"]):
                pass
            return
        try:
            sent = forward_trail()
        except NotDelivered as error:
            hint = "What it has not confirmed is sent again next time."
            raise self.failed("not_delivered", f"The sink does not have all events: {error}", hint) from error
        self.answer({"sent": sent}, f"{sent} events were sent.")

    def _checkpoint(self, options: dict[str, Any]) -> None:
        del options
        newest = queries.newest_seal()
        if newest is None:
            raise self.failed("not_sealed", "Nothing is sealed yet.", "Run: inventory audit seal")
        facts = {
            "seal": newest.number,
            "size": newest.size,
            "note": newest.note,
            "key": verifier_key(log_name(), signing_key().public_key()),
        }
        self.answer(facts, newest.note.removesuffix("\n"))

    def _note_in(self, file: Path) -> str:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            detail = f"{file} cannot be read: {type(error).__name__}."
            hint = "Name a file that `inventory audit checkpoint` wrote."
            raise self.failed("unreadable_file", detail, hint) from error


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:  # noqa: PLR2004  (an hour)
        raise ArgumentTypeError(f"{text} is not between 0 and 3600")
    return seconds
