"""See `sql/0003_post.sql`, which says what and why."""

from pathlib import Path

from django.db import migrations

SQL = (Path(__file__).parents[1] / "sql" / "0003_post.sql").read_text()


class Migration(migrations.Migration):
    dependencies = (("ledger", "0002_rules"),)
    operations = (migrations.RunSQL(SQL),)
