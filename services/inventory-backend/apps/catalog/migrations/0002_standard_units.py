"""The units that every warehouse needs; factors are exact (NIST SP 811, appendix B)."""

from django.db import migrations

CREATE = """
INSERT INTO catalog_unit (id, version, code, name, dimension, factor_num, factor_den, is_whole)
    SELECT gen_random_uuid(), 1, code, name, dimension, num, den, is_whole
    FROM (VALUES
        ('ea', 'each', 'count', 1, 1, true),
        ('pair', 'pair', 'count', 2, 1, true),
        ('dozen', 'dozen', 'count', 12, 1, true),
        ('mg', 'milligram', 'mass', 1, 1000, false),
        ('g', 'gram', 'mass', 1, 1, false),
        ('kg', 'kilogram', 'mass', 1000, 1, false),
        ('t', 'tonne', 'mass', 1000000, 1, false),
        ('oz', 'ounce', 'mass', 45359237, 1600000, false),
        ('lb', 'pound', 'mass', 45359237, 100000, false),
        ('ml', 'millilitre', 'volume', 1, 1, false),
        ('l', 'litre', 'volume', 1000, 1, false),
        ('m3', 'cubic metre', 'volume', 1000000, 1, false),
        ('gal_us', 'US gallon', 'volume', 473176473, 125000, false),
        ('mm', 'millimetre', 'length', 1, 1, false),
        ('cm', 'centimetre', 'length', 10, 1, false),
        ('m', 'metre', 'length', 1000, 1, false),
        ('in', 'inch', 'length', 127, 5, false),
        ('ft', 'foot', 'length', 1524, 5, false),
        ('m2', 'square metre', 'area', 1, 1, false),
        ('min', 'minute', 'time', 1, 1, false),
        ('h', 'hour', 'time', 60, 1, false)
    ) AS unit (code, name, dimension, num, den, is_whole)
    ON CONFLICT (code) DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = (("catalog", "0001_initial"),)
    operations = (migrations.RunSQL(CREATE, migrations.RunSQL.noop),)
