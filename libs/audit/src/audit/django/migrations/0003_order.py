import django.contrib.postgres.indexes
from django.db import migrations, models

import audit.django.fields

# Transaction ids begin anew in another cluster: whoever restores a dump there replaces this function with the next
# number. It stands in the place of a constant, and costs nothing more.
CREATE = "CREATE FUNCTION audit_epoch() RETURNS smallint LANGUAGE sql STABLE RETURN 1::smallint;"
DROP = "DROP FUNCTION audit_epoch();"


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]

    operations = [
        migrations.RunSQL(CREATE, DROP),
        migrations.AddField(
            model_name="auditevent",
            name="epoch",
            field=models.SmallIntegerField(db_default=audit.django.fields.CurrentEpoch(), editable=False),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["epoch", "xid", "seq"], name="audit_event_order"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=["at"], name="audit_event_at"),
        ),
    ]
