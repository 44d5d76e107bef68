import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models
from uuid_utils.compat import uuid7

import audit.django.fields


class Migration(migrations.Migration):
    initial = True

    # The role of the application exists first when the project names the migration that creates it.
    dependencies = [*getattr(settings, "AUDIT_MIGRATION_DEPENDENCIES", [])]

    operations = [
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("seq", models.BigAutoField(primary_key=True, serialize=False)),
                ("event_id", models.UUIDField(db_column="id", default=uuid7, editable=False, unique=True)),
                (
                    "xid",
                    audit.django.fields.TransactionIdField(
                        db_default=audit.django.fields.CurrentTransactionId(), editable=False
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("occurred_at", models.DateTimeField()),
                ("actor_id", models.UUIDField(null=True)),
                ("on_behalf_of", models.UUIDField(null=True)),
                ("session_id", models.UUIDField(null=True)),
                ("ip", models.GenericIPAddressField(null=True)),
                ("request_id", models.TextField()),
                ("action", models.TextField()),
                ("object_type", models.TextField()),
                ("object_id", models.TextField()),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                ("reason", models.TextField()),
            ],
            options={
                "db_table": "audit_event",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["object_type", "object_id", "seq"], name="audit_event_object"),
                    models.Index(fields=["actor_id", "seq"], name="audit_event_actor"),
                ],
            },
        ),
    ]
