"""`inventory doctor`: what is wrong, and how to mend it."""

import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, ClassVar, Final, override

from django.core.checks import ERROR, run_checks
from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from psycopg_pool import PoolTimeout

from apps.common.db import rows
from apps.common.management import base

_OLDEST: Final = 15
_SECURED: Final = ("ledger_posting", "ledger_transaction", "ledger_balance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; `fix` says what to do where it is not right."""

    name: str
    is_ok: bool
    detail: str
    fix: str = ""


class Command(base.Command):
    help = "Look at the installation and say what to mend; exit code 1 when something is wrong."
    examples: ClassVar[str] = "  inventory doctor --json"

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        findings = list(_look())
        lines = [
            f"{'ok  ' if one.is_ok else 'FAIL'}  {one.name}: {one.detail}" + (f"\n      {one.fix}" if one.fix else "")
            for one in findings
        ]
        wrong = [one for one in findings if not one.is_ok]
        self.answer({"ok": not wrong, "findings": [asdict(one) for one in findings]}, "\n".join(lines))
        if wrong:
            is_away = any(one.name == "database" for one in wrong)
            code = base.UNREACHABLE if is_away else base.REFUSED
            raise CommandError(f"{len(wrong)} of {len(findings)} checks failed.", returncode=code)


def _look() -> Iterator[Finding]:
    detail = f"Python {platform.python_version()}, Django {version('django')}, inventory {version('inventory-backend')}"
    yield Finding(name="versions", is_ok=True, detail=detail)
    try:
        found = rows("SELECT current_setting('server_version_num')::int / 10000, current_user, session_user", [])
    except (DatabaseError, PoolTimeout) as error:
        fix = "Set DATABASE_URL to a running server, and run `inventory migrate` if its role is missing."
        yield Finding(name="database", is_ok=False, detail=str(error).strip(), fix=fix)
        return
    number, role, login = found[0]
    yield Finding(name="database", is_ok=True, detail=f"{connection.settings_dict['NAME']} answers")
    fix = "" if number >= _OLDEST else f"Upgrade the server to PostgreSQL {_OLDEST} or later."
    yield Finding(name="server", is_ok=not fix, detail=f"PostgreSQL {number}", fix=fix)
    # After the database: some of Django's checks ask the server for its version.
    yield _settings()
    pending = _pending()
    fix = "Run: inventory migrate" if pending else ""
    yield Finding(name="migrations", is_ok=not pending, detail=f"{pending} not applied", fix=fix)
    if not pending:
        yield _rights(role, login)


def _settings() -> Finding:
    errors = [message for message in run_checks() if message.is_serious(ERROR) and not message.is_silenced()]
    hints = "; ".join(str(message.hint or message.msg) for message in errors)
    return Finding(name="settings", is_ok=not errors, detail=f"{len(errors)} errors", fix=hints)


def _pending() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _rights(role: str, login: str) -> Finding:
    """Tell whether this service could change what was posted, which nobody may."""
    found = rows(
        """
        SELECT name FROM unnest(%s::text[]) AS name
        WHERE has_table_privilege(name, 'INSERT') OR has_table_privilege(name, 'UPDATE')
            OR has_table_privilege(name, 'DELETE') OR has_table_privilege(name, 'TRUNCATE')
        """,
        [list(_SECURED)],
    )
    tables = ", ".join(name for (name,) in found)
    detail = f"{role} (login {login}) {f'can change {tables}' if tables else 'cannot change the ledger'}"
    fix = "Leave INVENTORY_DATABASE_ROLE at inventory_app, and grant that role to the login." if tables else ""
    return Finding(name="role", is_ok=not tables, detail=detail, fix=fix)
