from django.conf import settings
from django.db import migrations, models
from psycopg import sql

# Counting adds and changes rows, telling takes them away; nothing else is needed.
RESTRICT_ROLE = """
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = {name}) THEN
            REVOKE ALL ON TABLE audit_refusal FROM {role};
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE audit_refusal TO {role};
        END IF;
    END $$;
"""


def restrict_role(role: str | None) -> str:
    if role is None:
        return migrations.RunSQL.noop
    return sql.SQL(RESTRICT_ROLE).format(name=sql.Literal(role), role=sql.Identifier(role)).as_string()


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_watched_tables")]

    operations = [
        migrations.CreateModel(
            name="RefusalCount",
            fields=[
                ("digest", models.BinaryField(primary_key=True, serialize=False)),
                ("count", models.IntegerField()),
                ("occurred_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("actor_id", models.UUIDField(null=True)),
                ("session_id", models.UUIDField(null=True)),
                ("ip", models.GenericIPAddressField(null=True)),
                ("request_id", models.TextField()),
                ("action", models.TextField()),
                ("operation", models.TextField()),
                ("status", models.SmallIntegerField()),
                ("code", models.TextField()),
                ("reason", models.TextField()),
                ("account_id", models.UUIDField(null=True)),
            ],
            options={"db_table": "audit_refusal", "default_permissions": ()},
        ),
        migrations.RunSQL(restrict_role(getattr(settings, "AUDIT_APP_ROLE", None)), migrations.RunSQL.noop),
    ]
