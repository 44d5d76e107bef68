"""The migrations build the models, and the trail is guarded from the moment that it exists."""

from importlib import import_module

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

pytestmark = pytest.mark.django_db

append_only = import_module("audit.django.migrations.0002_append_only")


def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "audit", check=True, dry_run=True, verbosity=0)


def test_the_role_is_made_before_the_trail_is_restricted_to_it() -> None:
    plan = MigrationExecutor(connection).loader.graph.forwards_plan(("audit", "0002_append_only"))

    assert plan == [("audit_toy", "0001_role"), ("audit", "0001_initial"), ("audit", "0002_append_only")]


def test_a_project_without_a_role_restricts_nobody() -> None:
    assert append_only.restrict_role(None) == ""


def test_a_role_that_does_not_exist_is_left_out() -> None:
    with connection.cursor() as cursor:
        cursor.execute(append_only.restrict_role('nobody\'s "role"'))


def test_goes_back_and_forth() -> None:
    call_command("migrate", "audit", "0001", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_event")
    call_command("migrate", "audit", verbosity=0)
