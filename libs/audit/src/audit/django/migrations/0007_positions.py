import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models
from psycopg import sql

import audit.django.fields

RESTRICT_ROLE = """
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = {name}) THEN
            REVOKE ALL ON TABLE audit_position FROM {role};
            GRANT SELECT, INSERT, UPDATE ON TABLE audit_position TO {role};
        END IF;
    END $$;
"""


def restrict_role(role: str | None) -> str:
    if role is None:
        return migrations.RunSQL.noop
    return sql.SQL(RESTRICT_ROLE).format(name=sql.Literal(role), role=sql.Identifier(role)).as_string()


class Migration(migrations.Migration):
    dependencies = [("audit", "0006_refusals")]

    operations = [
        migrations.CreateModel(
            name="Position",
            fields=[
                ("sink", models.TextField(primary_key=True, serialize=False)),
                ("epoch", models.SmallIntegerField()),
                ("xid", audit.django.fields.TransactionIdField()),
                ("seq", models.BigIntegerField()),
                ("moved_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"db_table": "audit_position", "default_permissions": ()},
        ),
        migrations.RunSQL(restrict_role(getattr(settings, "AUDIT_APP_ROLE", None)), migrations.RunSQL.noop),
    ]
