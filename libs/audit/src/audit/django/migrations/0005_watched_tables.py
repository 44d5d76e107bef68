from django.conf import settings
from django.db import migrations
from psycopg import sql

# What is written to a watched table without an event leaves one of its own, whoever wrote it: psql, the tables' owner,
# or an action that forgot.
#
# Each statement leaves a note. At COMMIT a deferred trigger looks at the notes: where the transaction has an event of
# the program, they go without a trace; else each becomes an event. Notes never outlive their transaction, so their
# table needs no WAL. A `table` is no object of the program, so its events are told apart by that.
CREATE = """
    CREATE UNLOGGED TABLE audit_note (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        noted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        action text NOT NULL,
        relation text NOT NULL,
        before jsonb,
        after jsonb
    );

    -- How many rows, and the first of them. What a table hides is left out.
    CREATE FUNCTION audit_sample(total bigint, first_rows jsonb, hidden text[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE AS $$
        SELECT jsonb_build_object('count', total, 'rows', (
            SELECT jsonb_agg(each.value - hidden ORDER BY each.ordinality)
            FROM jsonb_array_elements(first_rows) WITH ORDINALITY AS each
        ))
    $$;

    CREATE FUNCTION audit_note_change() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        old_count bigint := 0;
        new_count bigint := 0;
        old_rows jsonb;
        new_rows jsonb;
    BEGIN
        IF TG_OP IN ('UPDATE', 'DELETE') THEN
            SELECT count(*) INTO old_count FROM old_table;
            SELECT jsonb_agg(to_jsonb(o)) INTO old_rows FROM (SELECT * FROM old_table LIMIT 20) AS o;
        END IF;
        IF TG_OP IN ('INSERT', 'UPDATE') THEN
            SELECT count(*) INTO new_count FROM new_table;
            SELECT jsonb_agg(to_jsonb(n)) INTO new_rows FROM (SELECT * FROM new_table LIMIT 20) AS n;
        END IF;
        IF old_count + new_count = 0 AND TG_OP <> 'TRUNCATE' THEN
            RETURN NULL;
        END IF;
        INSERT INTO audit_note (action, relation, before, after) VALUES (
            CASE TG_OP WHEN 'INSERT' THEN 'sql.inserted' WHEN 'UPDATE' THEN 'sql.updated'
                WHEN 'DELETE' THEN 'sql.deleted' ELSE 'sql.truncated' END,
            TG_TABLE_NAME,
            CASE WHEN old_count > 0 THEN audit_sample(old_count, old_rows, TG_ARGV[0]::text[]) END,
            CASE WHEN new_count > 0 THEN audit_sample(new_count, new_rows, TG_ARGV[0]::text[]) END
        );
        RETURN NULL;
    END $$;

    -- The first of a transaction's notes settles them all: nobody else's can be seen, and later ones have larger ids.
    CREATE FUNCTION audit_settle_note() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM audit_note WHERE id = NEW.id) THEN
            RETURN NULL;
        END IF;
        IF EXISTS (
            SELECT FROM audit_event e
            WHERE e.epoch = audit_epoch() AND e.xid = pg_current_xact_id() AND e.object_type <> 'table'
        ) THEN
            DELETE FROM audit_note WHERE id >= NEW.id;
            RETURN NULL;
        END IF;
        WITH settled AS (DELETE FROM audit_note WHERE id >= NEW.id RETURNING *)
        INSERT INTO audit_event (
            id, occurred_at, ip, request_id, action, object_type, object_id, before, after, reason
        )
            SELECT gen_random_uuid(), n.noted_at, inet_client_addr(), '', n.action, 'table', n.relation,
                n.before, n.after,
                format('login %s, program %s', session_user, current_setting('application_name'))
            FROM settled n ORDER BY n.id;
        RETURN NULL;
    END $$;

    CREATE CONSTRAINT TRIGGER settle AFTER INSERT ON audit_note DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION audit_settle_note();
    ALTER TABLE audit_note ENABLE ALWAYS TRIGGER settle;

    -- Watch a table; the columns in `hidden` hold secrets, and never reach the trail.
    CREATE FUNCTION audit_watch(watched regclass, hidden text[] DEFAULT '{}') RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        kind record;
    BEGIN
        FOR kind IN VALUES
            ('INSERT', 'REFERENCING NEW TABLE AS new_table'),
            ('UPDATE', 'REFERENCING OLD TABLE AS old_table NEW TABLE AS new_table'),
            ('DELETE', 'REFERENCING OLD TABLE AS old_table'),
            ('TRUNCATE', '')
        LOOP
            EXECUTE format(
                'CREATE TRIGGER audit_%s AFTER %s ON %s %s FOR EACH STATEMENT EXECUTE FUNCTION audit_note_change(%L)',
                lower(kind.column1), kind.column1, watched, kind.column2, hidden
            );
            EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER audit_%s', watched, lower(kind.column1));
        END LOOP;
    END $$;

    CREATE FUNCTION audit_unwatch(watched regclass) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        kind text;
    BEGIN
        FOREACH kind IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
            EXECUTE format('DROP TRIGGER audit_%s ON %s', kind, watched);
        END LOOP;
    END $$;

    REVOKE EXECUTE ON FUNCTION audit_watch(regclass, text[]), audit_unwatch(regclass) FROM PUBLIC;
"""

DROP = """
    DROP FUNCTION audit_unwatch(regclass);
    DROP FUNCTION audit_watch(regclass, text[]);
    DROP FUNCTION audit_note_change();
    DROP TABLE audit_note;
    DROP FUNCTION audit_settle_note();
    DROP FUNCTION audit_sample(bigint, jsonb, text[]);
"""

RESTRICT_ROLE = """
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = {name}) THEN
            REVOKE ALL ON TABLE audit_note FROM {role};
            REVOKE ALL ON SEQUENCE audit_note_id_seq FROM {role};
        END IF;
    END $$;
"""


def restrict_role(role: str | None) -> str:
    if role is None:
        return migrations.RunSQL.noop
    return sql.SQL(RESTRICT_ROLE).format(name=sql.Literal(role), role=sql.Identifier(role)).as_string()


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_seals")]

    operations = [
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(restrict_role(getattr(settings, "AUDIT_APP_ROLE", None)), migrations.RunSQL.noop),
    ]
