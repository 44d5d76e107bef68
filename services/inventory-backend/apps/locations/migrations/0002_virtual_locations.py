"""One standard location of each virtual kind; the ledger names them where a caller names none."""

from django.db import migrations

CREATE = """
INSERT INTO locations_location (id, version, code, name, kind, allows_negative)
    SELECT gen_random_uuid(), 1, upper(kind), name, kind, true
    FROM (VALUES
        ('supplier', 'Suppliers'), ('customer', 'Customers'), ('adjustment', 'Adjustments'),
        ('scrap', 'Scrap'), ('production', 'Production'), ('opening', 'Opening balances')
    ) AS place (kind, name);
INSERT INTO locations_location_closure (ancestor_id, descendant_id, depth)
    SELECT id, id, 0 FROM locations_location;
"""


class Migration(migrations.Migration):
    dependencies = (("locations", "0001_initial"),)
    operations = (migrations.RunSQL(CREATE, migrations.RunSQL.noop),)
