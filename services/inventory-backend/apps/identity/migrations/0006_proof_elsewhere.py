from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0005_people")]

    operations = [
        migrations.AddField(model_name="signinattempt", name="session_id", field=models.UUIDField(null=True)),
        migrations.AddField(
            model_name="signinattempt",
            name="is_proof",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(model_name="handover", name="session_id", field=models.UUIDField(null=True)),
    ]
