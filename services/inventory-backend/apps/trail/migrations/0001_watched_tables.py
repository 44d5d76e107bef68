"""The tables that tell of raw SQL: stock, master data, and who may do what. The second value hides secrets."""

from django.db import migrations

WATCHED = {
    "ledger_transaction": "{}",
    "ledger_posting": "{}",
    "ledger_balance": "{}",
    "ledger_period": "{}",
    "ledger_balance_snapshot": "{}",
    "catalog_unit": "{}",
    "catalog_item": "{}",
    "catalog_item_unit": "{}",
    "catalog_item_ref": "{}",
    "catalog_lot": "{}",
    "catalog_serial": "{}",
    "locations_location": "{}",
    "locations_location_closure": "{}",
    "locations_location_ref": "{}",
    "parties_party": "{}",
    "parties_party_ref": "{}",
    "identity_user": "{password}",
    "identity_group": "{}",
    "identity_group_member": "{}",
    "identity_provider": "{}",
    "rbac_role": "{}",
    "rbac_binding": "{}",
}


class Migration(migrations.Migration):
    initial = True
    dependencies = (
        ("audit", "0005_watched_tables"),
        ("rbac", "0002_groups"),
        ("identity", "0005_people"),
        ("parties", "0001_initial"),
        ("catalog", "0002_standard_units"),
        ("locations", "0002_virtual_locations"),
        ("ledger", "0003_post"),
    )
    operations = tuple(
        migrations.RunSQL(f"SELECT audit_watch('{table}', '{hidden}')", f"SELECT audit_unwatch('{table}')")
        for table, hidden in WATCHED.items()
    )
