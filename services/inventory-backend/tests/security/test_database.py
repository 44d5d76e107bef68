"""What the roles of the database may do, as its catalogs say and as it answers."""

from typing import Final

import psycopg
import pytest
from django.core.management import call_command
from django.db import Error, connection, transaction

from apps.common.db import rows
from apps.ledger.tests.posting import Move, everything, post
from audit.django.models import AuditEvent
from tests.client import Client
from tests.world import World

ROLES: Final = ("inventory_app", "inventory_audit", "inventory_owner")
LEDGER: Final = (
    *("ledger_transaction", "ledger_posting", "ledger_balance", "ledger_period", "ledger_balance_snapshot"),
)
# What would change what was written, or open a way to.
ON_EACH_TABLE: Final = (
    *("DELETE FROM {0}", "TRUNCATE {0} CASCADE", "DROP TABLE {0} CASCADE", "ALTER TABLE {0} DISABLE TRIGGER ALL"),
    *("ALTER TABLE {0} ADD COLUMN x int", "ALTER TABLE {0} OWNER TO inventory_app", "LOCK TABLE {0} IN EXCLUSIVE MODE"),
    *("CREATE RULE quiet AS ON UPDATE TO {0} DO INSTEAD NOTHING",),
    *("CREATE TRIGGER mine BEFORE INSERT ON {0} FOR EACH ROW EXECUTE FUNCTION audit_event_refuse_change()",),
    *("CREATE INDEX ON {0} ((1))", "CREATE POLICY mine ON {0}", "UPDATE {0} SET {1} = {1}"),
)
DDL: Final = (
    *("CREATE TABLE mine (id int)", "CREATE SCHEMA mine", "CREATE ROLE mine"),
    *("CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",),
    *("CREATE OR REPLACE FUNCTION ledger_balance_id() RETURNS int LANGUAGE sql AS 'SELECT 1'",),
    *("DROP FUNCTION audit_event_refuse_change() CASCADE", "ALTER ROLE inventory_app SUPERUSER"),
    *("SET session_replication_role = replica", "SET ROLE inventory_owner"),
    *("COPY audit_event TO PROGRAM 'cat'", "SELECT pg_read_file('/etc/passwd')", "CREATE VIEW mine AS SELECT 1"),
    *("ALTER DATABASE {db} OWNER TO inventory_app", "CREATE TYPE mine AS (a int)"),
)


def _refused_to_service(statement: str) -> str | None:
    with pytest.raises(Error) as caught, transaction.atomic(), connection.cursor() as cursor:
        # As at run time: a login that is a member of this role and of no other.
        cursor.execute("SET LOCAL SESSION AUTHORIZATION inventory_app")
        cursor.execute(statement)
    cause = caught.value.__cause__
    return cause.sqlstate if isinstance(cause, psycopg.Error) else None


@pytest.mark.parametrize("table", [*LEDGER, "audit_event"])
def test_l2_the_services_role_changes_nothing_that_was_written(world: World, api: Client, table: str) -> None:
    post(world, [Move(quantity=5, source="SUPPLIER", target="A1")])
    before, events = everything(), list(AuditEvent.objects.values_list())
    ((column,),) = rows(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 LIMIT 1", [table]
    )
    for statement in ON_EACH_TABLE:
        assert _refused_to_service(statement.format(table, column)) == "42501", statement
    assert (everything(), list(AuditEvent.objects.values_list())) == (before, events)


@pytest.mark.parametrize("statement", DDL)
def test_d1_the_services_role_runs_no_ddl(world: World, statement: str) -> None:
    name = connection.settings_dict["NAME"]
    assert _refused_to_service(statement.format(db=f'"{name}"')) == "42501"


def test_d1_the_services_role_may_not_back_date_an_event(world: World, api: Client) -> None:
    for column in ("seq", "xid", "at"):
        statement = f"INSERT INTO audit_event ({column}) SELECT {column} FROM audit_event LIMIT 1"
        assert _refused_to_service(statement) == "42501"


@pytest.fixture
def migrated(committed_db: str) -> str:
    """Run the migration command: rights on the database itself are no part of a clone."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
    call_command("migrate", verbosity=0)
    return committed_db


def test_d1_the_migration_command_makes_three_roles_that_can_do_little(migrated: str) -> None:
    found = rows(
        """
        SELECT rolname, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
        FROM pg_roles WHERE rolname LIKE 'inventory\\_%%' AND rolname = ANY(%s) ORDER BY rolname
        """,
        [list(ROLES)],
    )
    assert found == [(role, False, False, False, False, False, False) for role in ROLES]
    members = "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = ANY(%s)"
    assert rows(members, [list(ROLES)]) == [(0,)]


def test_d1_one_role_owns_everything_and_the_service_nothing(migrated: str) -> None:
    owners = rows(
        """
        SELECT DISTINCT owner::regrole::text FROM (
            SELECT relowner AS owner FROM pg_class WHERE relnamespace = 'public'::regnamespace
            UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL SELECT typowner FROM pg_type WHERE typnamespace = 'public'::regnamespace
        ) AS owned
        """,
        [],
    )
    assert owners == [("inventory_owner",)]
    owned = rows(
        "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid = ANY(%s::regrole[]::oid[])",
        [["inventory_app", "inventory_audit"]],
    )
    assert owned == [(0,)]


def test_d1_the_public_has_no_rights(migrated: str) -> None:
    (rights,) = rows(
        """
        SELECT has_database_privilege('public', d.oid, 'CONNECT'), has_database_privilege('public', d.oid, 'CREATE'),
            has_database_privilege('public', d.oid, 'TEMPORARY'), has_schema_privilege('public', 'public', 'USAGE'),
            has_schema_privilege('public', 'public', 'CREATE')
        FROM pg_database d WHERE d.datname = current_database()
        """,
        [],
    )
    assert rights == (False,) * 5
    definers = rows(
        """
        SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
            AND has_function_privilege('public', oid, 'EXECUTE') AND prorettype <> 'trigger'::regtype
        """,
        [],
    )
    assert definers == []


def test_d1_each_role_has_the_rights_of_its_work(migrated: str) -> None:
    (rights,) = rows(
        """
        SELECT has_database_privilege('inventory_app', d.oid, 'CONNECT'),
            has_database_privilege('inventory_app', d.oid, 'CREATE'),
            has_database_privilege('inventory_app', d.oid, 'TEMPORARY'),
            has_schema_privilege('inventory_app', 'public', 'CREATE'),
            has_table_privilege('inventory_audit', 'audit_event', 'SELECT'),
            has_table_privilege('inventory_audit', 'audit_event', 'INSERT'),
            has_table_privilege('inventory_audit', 'ledger_posting', 'SELECT'),
            has_table_privilege('inventory_app', 'catalog_item', 'SELECT, INSERT, UPDATE, DELETE')
        FROM pg_database d WHERE d.datname = current_database()
        """,
        [],
    )
    assert rights == (True, False, False, False, True, False, False, True)


def test_d1_a_database_of_an_earlier_version_is_taken_over(committed_db: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        cursor.execute("ALTER TABLE catalog_item OWNER TO CURRENT_USER")
        name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
        cursor.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO PUBLIC")
    call_command("migrate", verbosity=0)
    test_d1_one_role_owns_everything_and_the_service_nothing(committed_db)
    test_d1_the_public_has_no_rights(committed_db)


def test_d1_a_login_that_may_not_is_told_what_to_do(migrated: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        cursor.execute("SET SESSION AUTHORIZATION inventory_app")
    try:
        with pytest.raises(Exception, match="GRANT inventory_owner TO") as caught:
            call_command("migrate", verbosity=0)
        assert "permission denied" in str(caught.value) or "must be" in str(caught.value)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET SESSION AUTHORIZATION")
