"""The tables that decide who gets in tell of raw SQL as well. Hidden columns are secrets; quiet ones only tell of use.

Refresh tokens are not among them: one is written with each refresh, with no event, and is no use without its session.
"""

from django.db import migrations

WATCHED = {
    "identity_api_key": ("{digest}", "{last_used_at}"),
    "identity_session": ("{cookie_digest}", "{last_used_at}"),
    "identity_totp": ("{secret}", "{last_step}"),
    "identity_passkey": ("{}", "{sign_count,last_used_at}"),
    "identity_recovery_code": ("{digest}", "{used_at}"),
    "identity_external_identity": ("{}", "{}"),
    "identity_provided_binding": ("{}", "{}"),
    "identity_scim_user": ("{}", "{}"),
    "identity_scim_group": ("{}", "{}"),
    "identity_scim_member": ("{}", "{}"),
}


class Migration(migrations.Migration):
    dependencies = (
        ("audit", "0008_quiet_columns"),
        ("trail", "0001_watched_tables"),
        ("identity", "0006_proof_elsewhere"),
    )
    operations = tuple(
        migrations.RunSQL(
            f"SELECT audit_watch('{table}', '{hidden}', '{quiet}')",
            f"SELECT audit_unwatch('{table}')",
        )
        for table, (hidden, quiet) in WATCHED.items()
    )
