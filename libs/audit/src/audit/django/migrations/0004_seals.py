from django.conf import settings
from django.db import migrations, models
from psycopg import sql

import audit.django.fields

# As for the events: whoever could change a seal could hide what it shows.
REFUSE_CHANGES = """
    CREATE FUNCTION audit_seal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'Seals are append-only: % on % is refused.', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', HINT = 'A seal is true for ever; seal what came after it.';
    END $$;
"""
REFUSE_CHANGES_OF = """
    CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION audit_seal_refuse_change();
    CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION audit_seal_refuse_change();
    ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_refuse_change;
    ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_refuse_truncate;
"""
TABLES = ("audit_seal", "audit_tile")
ALLOW_CHANGES_OF = """
    DROP TRIGGER {table}_refuse_truncate ON {table};
    DROP TRIGGER {table}_refuse_change ON {table};
"""
FORGET = "DROP FUNCTION audit_seal_refuse_change();"

# The application seals; it may add seals, and change none.
RESTRICT_ROLE = """
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = {name}) THEN
            REVOKE ALL ON TABLE audit_seal, audit_tile FROM {role};
            GRANT SELECT, INSERT ON TABLE audit_seal, audit_tile TO {role};
        END IF;
    END $$;
"""


def restrict_role(role: str | None) -> str:
    if role is None:
        return migrations.RunSQL.noop
    return sql.SQL(RESTRICT_ROLE).format(name=sql.Literal(role), role=sql.Identifier(role)).as_string()


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_order")]

    operations = [
        migrations.CreateModel(
            name="Seal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("sealed_at", models.DateTimeField()),
                ("epoch", models.SmallIntegerField()),
                ("horizon", audit.django.fields.TransactionIdField()),
                ("size", models.BigIntegerField(unique=True)),
                ("root", models.BinaryField()),
                ("nodes", models.BinaryField()),
                ("note", models.TextField()),
            ],
            options={
                "db_table": "audit_seal",
                "default_permissions": (),
                "indexes": [models.Index(fields=["epoch", "horizon"], name="audit_seal_horizon")],
            },
        ),
        migrations.CreateModel(
            name="Tile",
            fields=[
                ("index", models.BigIntegerField(primary_key=True, serialize=False)),
                ("root", models.BinaryField()),
            ],
            options={"db_table": "audit_tile", "default_permissions": ()},
        ),
        migrations.RunSQL(REFUSE_CHANGES, FORGET),
        *(
            migrations.RunSQL(REFUSE_CHANGES_OF.format(table=table), ALLOW_CHANGES_OF.format(table=table))
            for table in TABLES
        ),
        migrations.RunSQL(restrict_role(getattr(settings, "AUDIT_APP_ROLE", None)), migrations.RunSQL.noop),
    ]
