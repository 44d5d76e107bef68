from django.conf import settings
from django.db import migrations
from psycopg import sql

# Row by row for UPDATE and DELETE, so that they are refused through a parent table as well.
# ALWAYS, because session_replication_role switches ordinary triggers off.
REFUSE_CHANGES = """
    CREATE FUNCTION audit_event_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'The audit trail is append-only: % on audit_event is refused.', TG_OP
            USING ERRCODE = 'restrict_violation',
                HINT = 'Record a further event that tells of the correction.';
    END $$;

    CREATE TRIGGER audit_event_refuse_change BEFORE UPDATE OR DELETE ON audit_event
        FOR EACH ROW EXECUTE FUNCTION audit_event_refuse_change();
    CREATE TRIGGER audit_event_refuse_truncate BEFORE TRUNCATE ON audit_event
        FOR EACH STATEMENT EXECUTE FUNCTION audit_event_refuse_change();

    ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_refuse_change;
    ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_refuse_truncate;
"""

ALLOW_CHANGES = """
    DROP TRIGGER audit_event_refuse_truncate ON audit_event;
    DROP TRIGGER audit_event_refuse_change ON audit_event;
    DROP FUNCTION audit_event_refuse_change();
"""

# Default privileges may have given the role more.  It may not choose seq, xid and at itself: they
# are the database's word on when a row was written.
RESTRICT_ROLE = """
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = {name}) THEN
            REVOKE ALL ON TABLE audit_event FROM {role};
            REVOKE ALL ON SEQUENCE audit_event_seq_seq FROM {role};
            GRANT SELECT, INSERT (
                id, occurred_at, actor_id, on_behalf_of, session_id, ip, request_id, reason,
                action, object_type, object_id, before, after
            ) ON TABLE audit_event TO {role};
        END IF;
    END $$;
"""


def restrict_role(role: str | None) -> str:
    if role is None:
        return migrations.RunSQL.noop
    return sql.SQL(RESTRICT_ROLE).format(name=sql.Literal(role), role=sql.Identifier(role)).as_string()


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(REFUSE_CHANGES, ALLOW_CHANGES),
        migrations.RunSQL(restrict_role(getattr(settings, "AUDIT_APP_ROLE", None)), migrations.RunSQL.noop),
    ]
