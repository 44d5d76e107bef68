"""Claim an idempotency key and read its stored answer, in one round trip.

It must be a function: the read needs a snapshot taken after the lock was granted, and a plain SELECT takes its
snapshot before it waits.
"""

from django.db import migrations

CREATE = """
CREATE FUNCTION common_claim_request(wanted bytea)
RETURNS TABLE (status smallint, headers jsonb, body bytea, fingerprint bytea)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(('x' || encode(substr(wanted, 1, 8), 'hex'))::bit(64)::bigint);
    RETURN QUERY
        SELECT r.status, r.headers, r.body, r.fingerprint FROM common_retried_request r WHERE r.digest = wanted;
END
$$;
REVOKE UPDATE, DELETE ON common_retried_request FROM inventory_app;
"""


class Migration(migrations.Migration):
    dependencies = (("common", "0002_retried_request"),)
    operations = (
        migrations.RunSQL(
            CREATE,
            migrations.RunSQL.noop,
        ),
    )
