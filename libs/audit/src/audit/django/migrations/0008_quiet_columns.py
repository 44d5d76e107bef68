from django.db import migrations

# Some columns say only that a row was used: when a key was last seen, which code of an app was the newest. They are
# written with no event, often, and decide nothing. A statement that changes nothing else leaves no note.
CREATE = """
    CREATE OR REPLACE FUNCTION audit_note_change() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        old_count bigint := 0;
        new_count bigint := 0;
        old_rows jsonb;
        new_rows jsonb;
    BEGIN
        IF TG_OP = 'UPDATE' AND TG_ARGV[1] <> '{}' THEN
            IF NOT EXISTS (
                SELECT to_jsonb(n) - TG_ARGV[1]::text[] FROM new_table AS n
                EXCEPT ALL
                SELECT to_jsonb(o) - TG_ARGV[1]::text[] FROM old_table AS o
            ) THEN
                RETURN NULL;
            END IF;
        END IF;
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
"""

# Watch a table. The columns in `hidden` hold secrets, and never reach the trail; those in `quiet` change untold.
WATCH = """
    CREATE FUNCTION audit_watch(watched regclass, hidden text[] DEFAULT '{}' %(parameter)s) RETURNS void
    LANGUAGE plpgsql AS $$
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
                'CREATE TRIGGER audit_%%s AFTER %%s ON %%s %%s FOR EACH STATEMENT EXECUTE FUNCTION '
                'audit_note_change(%%L %(placeholder)s)',
                lower(kind.column1), kind.column1, watched, kind.column2, hidden %(argument)s
            );
            EXECUTE format('ALTER TABLE %%s ENABLE ALWAYS TRIGGER audit_%%s', watched, lower(kind.column1));
        END LOOP;
    END $$;
    REVOKE EXECUTE ON FUNCTION audit_watch(%(types)s) FROM PUBLIC;
"""
WITH_QUIET = {
    "parameter": ", quiet text[] DEFAULT '{}'",
    "placeholder": ", %L",
    "argument": ", quiet",
    "types": "regclass, text[], text[]",
}
WITHOUT = {"parameter": "", "placeholder": "", "argument": "", "types": "regclass, text[]"}


class Migration(migrations.Migration):
    dependencies = [("audit", "0007_positions")]

    operations = [
        # Not undone: without quiet columns it does what it did.
        migrations.RunSQL(CREATE, migrations.RunSQL.noop),
        migrations.RunSQL(
            ["DROP FUNCTION audit_watch(regclass, text[])", WATCH % WITH_QUIET],
            ["DROP FUNCTION audit_watch(regclass, text[], text[])", WATCH % WITHOUT],
        ),
    ]
