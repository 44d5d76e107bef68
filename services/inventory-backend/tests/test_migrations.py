"""The models and the migrations say the same, and the migrations are safe to run beside a serving version."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

REASONS = {
    "adding-field-with-default": "statement_timestamp() is stable, so the table is not rewritten",
    "constraint-missing-not-valid": "nothing was released yet: the tables are empty when their constraints come",
    "prefer-bigint-over-int": "`line` counts the lines of one transaction, `version` the edits of one row",
    "prefer-bigint-over-smallint": "`depth` counts the levels of a tree, `status` is HTTP's",
    "prefer-text-field": "the lengths are the API's limits; the database keeps to them as well",
    "require-concurrent-index-creation": "as constraint-missing-not-valid",
    "require-lock-timeout": "each connection brings it (config.database)",
    "require-statement-timeout": "as require-lock-timeout",
}
OURS = ("common", "identity", "parties", "catalog", "locations", "ledger", "trail")


@pytest.mark.django_db
def test_the_models_need_no_further_migration() -> None:
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
def test_squawk_finds_nothing_that_has_no_reason(tmp_path: Path) -> None:
    names = sorted(name for name in MigrationLoader(None).disk_migrations if name[0] in OURS)
    assert {app for app, _ in names} == set(OURS)
    assert all(apps.is_installed(f"apps.{app}") for app in OURS)
    files = []
    for app, name in names:
        out = StringIO()
        call_command("sqlmigrate", app, name, stdout=out, no_color=True)
        file = tmp_path / f"{app}_{name}.sql"
        file.write_text(out.getvalue(), encoding="utf-8")
        files.append(str(file))
    command = [
        str(Path(sys.executable).parent / "squawk"),
        "--pg-version=15.0",
        "--reporter=json",
        f"--exclude={','.join(REASONS)}",
        *files,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    found = [
        (Path(each["file"]).stem, each["rule_name"], each["line"], each["message"])
        for each in json.loads(done.stdout or "[]")
    ]
    assert found == []
    assert done.returncode == 0, done.stderr
