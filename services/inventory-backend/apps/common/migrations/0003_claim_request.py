"""Claim idempotency keys and read their stored answers, in one round trip.

They must be functions: the read needs a snapshot taken after the lock was granted, and a plain SELECT takes its
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
-- The same for many keys, and no wait for any: a key that a rival holds is not free, and has no answer yet.
-- `patience` is how long the rest of the transaction waits for a lock.
CREATE FUNCTION common_claim_requests(wanted bytea[], patience text)
RETURNS TABLE (is_free boolean, status smallint, headers jsonb, body bytea, fingerprint bytea)
LANGUAGE plpgsql AS $$
DECLARE
    free boolean[] := ARRAY(
        SELECT pg_try_advisory_xact_lock(('x' || encode(substr(w.digest, 1, 8), 'hex'))::bit(64)::bigint)
        FROM unnest(wanted) WITH ORDINALITY AS w (digest, n) ORDER BY w.n
    );
BEGIN
    PERFORM set_config('lock_timeout', patience, true);
    RETURN QUERY
        SELECT w.is_free, r.status, r.headers, r.body, r.fingerprint
        FROM ROWS FROM (unnest(wanted), unnest(free)) WITH ORDINALITY AS w (digest, is_free, n)
        LEFT JOIN common_retried_request r ON r.digest = w.digest
        ORDER BY w.n;
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
