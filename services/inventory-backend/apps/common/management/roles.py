"""The three roles of a tenant's database, none of which can log in (ASVS V13.2.2).

`inventory_owner` owns every table and function, and only migrations take it. `inventory_app` is what the service runs
as: it owns nothing. `inventory_audit` reads the trail, for whoever checks it. Logins are members of one of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from django.db import ProgrammingError, connection

from apps.common.db import violated
from apps.common.errors import DomainError

OWNER: Final = "inventory_owner"
APPLICATION: Final = "inventory_app"
AUDIT: Final = "inventory_audit"

# Roles belong to the cluster: another tenant's database, or a migration beside us, may have made them.
_MAKE: Final = """
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['inventory_owner', 'inventory_app', 'inventory_audit'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = wanted);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        BEGIN
            EXECUTE format('GRANT inventory_owner TO %I', current_user);
        EXCEPTION WHEN insufficient_privilege THEN NULL;  -- then somebody else granted it, or SET ROLE will say so
        END;
    END IF;
    -- Who may not revoke is only warned.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO inventory_owner', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO inventory_app, inventory_audit', current_database());
    IF has_database_privilege('public', current_database(), 'CONNECT') THEN
        RAISE insufficient_privilege USING MESSAGE = 'must be owner of database ' || current_database();
    END IF;
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO inventory_owner;
GRANT USAGE ON SCHEMA public TO inventory_app, inventory_audit;
"""
# What an earlier version made belongs to the login that migrated it. What an extension brought stays its own.
_ADOPT: Final = """
DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('ALTER %s %s OWNER TO inventory_owner',
            CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                ELSE 'TABLE' END, c.oid::regclass)
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
            AND c.relowner <> 'inventory_owner'::regrole
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i', 'e'))
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO inventory_owner', p.oid::regprocedure)
        FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> 'inventory_owner'::regrole
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$;
"""
_RIGHTS_TO_COME: Final = """
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO inventory_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO inventory_app;
"""
_RIGHTS_OF_AUDIT: Final = """
DO $$ BEGIN
    IF to_regclass('public.audit_event') IS NOT NULL THEN
        GRANT SELECT ON audit_event TO inventory_audit;
    END IF;
END $$;
"""


class RolesNotMade(DomainError):
    """The login may not make or take the roles of the database."""

    code = "roles_not_made"
    title = "The database's roles could not be made"


@contextmanager
def as_owner() -> Iterator[None]:
    """Make the roles and their rights where they are missing, and act as the owner of the tables in the block.

    Raises `RolesNotMade` where the login may not.
    """
    try:
        _run(_MAKE, _ADOPT, f"SET ROLE {OWNER}", _RIGHTS_TO_COME)
    except ProgrammingError as error:
        if not violated(error, psycopg.errors.InsufficientPrivilege):
            raise
        text = (
            f"{str(error).strip()}. Let the login own the database and have CREATEROLE; where another login made the "
            f"roles, let an administrator run: GRANT {OWNER} TO <login>."
        )
        raise RolesNotMade(text) from error
    try:
        yield
        _run(_RIGHTS_OF_AUDIT)
    finally:
        _run("RESET ROLE")


def _run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
