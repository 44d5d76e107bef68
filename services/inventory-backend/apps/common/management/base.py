"""What all commands of `inventory` share: how they answer, and how they fail.

Exit codes are part of the interface: 0 done, 1 refused or failed, 2 wrong usage, 3 the database cannot be reached.
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Final, NoReturn, override

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.db import InterfaceError, OperationalError
from psycopg_pool import PoolTimeout

from apps.common.errors import DomainError

REFUSED = 1
USAGE = 2
UNREACHABLE = 3

_DJANGO_OPTIONS = ("--settings", "--pythonpath", "--traceback", "--no-color", "--force-color", "--version", "-v")


_WRONG_CHOICE: Final = re.compile(r"invalid choice: '(?P<given>.*)' \(choose from (?P<known>.*)\)")
_WRONG_OPTION: Final = re.compile(r"unrecognized arguments: (?P<given>--[a-z-]+)")


class Parser(CommandParser):
    """Answers a typo with the nearest word that it knows."""

    @override
    def error(self, message: str) -> NoReturn:
        if wrong := _WRONG_CHOICE.search(message):
            message += self._nearest(wrong["given"], re.findall(r"[\w-]+", wrong["known"]))
        elif wrong := _WRONG_OPTION.search(message):
            message += self._nearest(wrong["given"], list(self._options()))
        super().error(message)
        raise AssertionError  # Django's raises or ends the program

    def _options(self) -> Iterator[str]:
        # It is the outermost parser that meets what no inner one knew.
        yield from self._option_string_actions
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  (argparse offers no other way)
                for inner in action.choices.values():
                    yield from inner._option_string_actions  # noqa: SLF001  (as above)

    def _nearest(self, given: str, known: list[str]) -> str:
        near = get_close_matches(given, known, n=1)
        return f". Did you mean {near[0]!r}?" if near else ""


class _Formatter(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the examples as they are."""


class Command(BaseCommand):
    """A command that answers people with text and programs, with `--json`, with one JSON document.

    Progress and errors go to stderr, the answer to stdout. With `--json` a refusal is an answer too:
    `{"error": {"code", "detail", "problems"}}`.
    """

    examples: ClassVar[str] = ""
    requires_system_checks = ()
    suppressed_base_arguments = set(_DJANGO_OPTIONS)  # noqa: RUF012  (Django declares it an instance's)

    @override
    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        epilog = f"examples:\n{self.examples}" if self.examples else None
        parser = super().create_parser(
            prog_name, subcommand, formatter_class=_Formatter, epilog=epilog, allow_abbrev=False, **kwargs
        )
        parser.add_argument("--json", action="store_true", help="Answer with JSON.")
        parser.__class__ = Parser  # Django names the class itself, and offers no way to name another
        return parser

    def tasks(self, parser: CommandParser) -> "argparse._SubParsersAction[Parser]":
        """Let the first word after the command say what to do."""
        return parser.add_subparsers(dest="task", required=True, metavar="TASK", parser_class=Parser)

    def task(
        self, tasks: "argparse._SubParsersAction[Parser]", name: str, text: str, *, examples: str = ""
    ) -> CommandParser:
        """Add one thing to do, with its help."""
        epilog = f"examples:\n{examples}" if examples else None
        parser = tasks.add_parser(
            name, help=text, description=text, epilog=epilog, formatter_class=_Formatter, allow_abbrev=False
        )
        # Only where it is given: the default would undo one before the task.
        parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="Answer with JSON.")
        return parser

    @override
    def execute(self, *args: Any, **options: Any) -> Any:
        self._is_json = bool(options.get("json"))
        try:
            return super().execute(*args, **options)
        except DomainError as refusal:
            raise self._failure(_facts(refusal), _text(refusal), REFUSED) from refusal
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            detail = str(error).strip() or "The database does not answer."
            text = f"{detail}\nIs the server of DATABASE_URL up? `inventory doctor` looks closer."
            facts = {"code": "database_unreachable", "detail": detail, "problems": []}
            raise self._failure(facts, text, UNREACHABLE) from error

    def answer(self, facts: Mapping[str, Any], text: str) -> None:
        """Write the result: `facts` for a program, `text` for a person."""
        self.stdout.write(json.dumps(facts, default=str) if self._is_json else text)

    def progress(self, text: str) -> None:
        """Say what is going on."""
        self.stderr.write(text, self.style.HTTP_INFO)
        self.stderr.flush()

    def failed(self, code: str, detail: str, hint: str) -> CommandError:
        """Return the error that ends the command with exit code 1; `hint` says what to do."""
        facts = {"code": code, "detail": detail, "problems": []}
        return self._failure(facts, f"{detail}\n{hint}", REFUSED)

    def _failure(self, facts: Mapping[str, Any], text: str, code: int) -> CommandError:
        if self._is_json:
            self.stdout.write(json.dumps({"error": facts}))
        return CommandError(text, returncode=code)


def _facts(refusal: DomainError) -> dict[str, Any]:
    problems = [
        {"pointer": one.pointer, "code": one.code, "detail": one.detail, "meta": dict(one.meta)}
        for one in refusal.problems
    ]
    return {"code": refusal.code, "detail": refusal.detail, "problems": problems}


def _text(refusal: DomainError) -> str:
    lines = [f"{refusal.title}: {refusal.detail}"]
    if [problem.detail for problem in refusal.problems] != [refusal.detail]:
        lines += [f"  {problem.pointer}: {problem.detail} ({problem.code})" for problem in refusal.problems]
    return "\n".join(lines)
