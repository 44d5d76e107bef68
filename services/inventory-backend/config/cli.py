"""The command `inventory`: Django's commands and our own, with a database of its own on a developer's machine."""

import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import FrameType

import django
from django.core import management
from django.core.management import ManagementUtility, find_commands, get_commands, load_command_class

import configs
from apps.common.management.base import REFUSED, UNREACHABLE, USAGE

_APPS = Path(__file__).parents[1] / "apps"
_TERMINATED = 128 + signal.SIGTERM
_USAGE = """\
usage: inventory COMMAND [OPTIONS]

An inventory over an append-only double-entry stock ledger.

commands:
{commands}

examples:
  inventory demo                         try it: a seeded database and a server, in one command
  inventory migrate && inventory serve   run it on DATABASE_URL (on a developer's machine: without one, too)
  inventory user create ada --role administrator
  inventory ledger verify --json

`inventory COMMAND --help` says more of each. Django's own commands (check, shell, makemigrations ...) work as well.
exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the database cannot be reached
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 refused or failed, 2 wrong usage, 3 no database."""
    name, *rest = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        settings = configs.begin(otherwise="dev", settings_package="config.settings")
        if name in {"-h", "--help", "help"}:
            print(_USAGE.format(commands=_overview()), end="")
            return 0
        if name not in _ours() | _djangos() and (near := _nearest_unless_known(name)) is not None:
            print(f"inventory: there is no command {name!r}.{near} See `inventory --help`.", file=sys.stderr)
            return USAGE
        with _database(settings, name, rest):
            return _run(name, rest)
    except configs.ConfigurationInvalid as invalid:
        print(f"inventory: {invalid}", file=sys.stderr)
        return REFUSED
    except _NoDatabase as absence:
        print(f"inventory: {absence}", file=sys.stderr)
        return absence.code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _run(name: str, rest: list[str]) -> int:
    if name == "migrate":
        # The owner of the tables changes them; the service's own role could not.
        configs.publish(INVENTORY_DATABASE_ROLE="none")
    try:
        ManagementUtility(["inventory", name, *rest]).execute()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _ours() -> set[str]:
    return {name for folder in _APPS.glob("*/management") for name in find_commands(str(folder))}


def _djangos() -> set[str]:
    return {name for folder in management.__path__ for name in find_commands(folder)}


def _nearest_unless_known(name: str) -> str | None:
    """Return None for a command of an installed library, else a suggestion, which may be empty."""
    django.setup()
    if name in get_commands():
        return None
    near = get_close_matches(name, sorted(_ours()), n=1) or get_close_matches(name, sorted(get_commands()), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _overview() -> str:
    django.setup()
    known = get_commands()
    lines = {name: load_command_class(str(known[name]), name).help for name in sorted(_ours()) if name in known}
    return "\n".join(f"  {name:<10}{text}" for name, text in lines.items())


class _NoDatabase(Exception):
    """There is no database to use; the message says what to do, and `code` is the exit code."""

    def __init__(self, message: str, *, code: int = UNREACHABLE) -> None:
        super().__init__(message)
        self.code = code


@contextlib.contextmanager
def _database(settings: configs.Settings, name: str, rest: Sequence[str]) -> Iterator[None]:
    """Have a database while a command runs: the one of DATABASE_URL, or on a developer's machine one of our own."""
    asks_for_help = "--help" in rest or "-h" in rest
    is_own = name == "demo" or (settings.stage == "dev" and settings.database_url is None)
    if asks_for_help or not is_own:
        yield
        return
    try:
        import devdb  # noqa: PLC0415  (absent where only the service is installed)
        from apps.demo import database  # noqa: PLC0415  (needs devdb)
    except ImportError:
        message = "This command brings its own PostgreSQL, which is not installed here. Set DATABASE_URL."
        raise _NoDatabase(message) from None
    with _termination_unwinds():
        try:
            own = database.demo(reset="--reset" in rest) if name == "demo" else database.development()
            with own as url:
                configs.publish(DATABASE_URL=url, INVENTORY_DATABASE_URL=url)
                yield
        except devdb.DevdbUnavailable as error:
            raise _NoDatabase(str(error)) from error
        except database.ForeignDatabase as error:
            raise _NoDatabase(str(error), code=REFUSED) from error


@contextlib.contextmanager
def _termination_unwinds() -> Iterator[None]:
    """Let SIGTERM end this process as Ctrl-C does, so that the database that it started stops too."""

    def unwind(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    raise SystemExit(main())
