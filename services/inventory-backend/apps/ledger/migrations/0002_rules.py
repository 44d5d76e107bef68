"""See `sql/0002_rules.sql`, which says what and why."""

from pathlib import Path

from django.db import migrations

SQL = (Path(__file__).parents[1] / "sql" / "0002_rules.sql").read_text()


class Migration(migrations.Migration):
    dependencies = (("ledger", "0001_initial"),)
    operations = (migrations.RunSQL(SQL),)
