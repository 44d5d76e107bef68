-- The one way to write stock: lock, check, write, in one call, with the same few statements for one line or for
-- thousands. It runs with its owner's rights; the service's own role can call it and cannot write the tables.

CREATE SEQUENCE ledger_sequence;

CREATE TYPE ledger_leg AS (
    txn integer,            -- index of the transaction in the call
    line integer,           -- 2 * index of the entered line, plus 1 for the side where stock arrives
    balance_id uuid,        -- null in a virtual place
    item_id uuid,
    location_id uuid,
    lot_id uuid,
    serial_id uuid,
    owner_id uuid,
    status text,
    allows_negative boolean,
    quantity numeric,       -- signed, in the item's base unit
    expected numeric,       -- what the caller believed to be on hand before, or null
    entered_quantity numeric,
    entered_unit_id uuid,
    factor_num bigint,
    factor_den bigint
);

-- Both legs of each line come from the one line, so they cannot disagree.
CREATE FUNCTION ledger_legs(lines jsonb) RETURNS ledger_leg[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT array_agg(ROW(
            l.txn, 2 * l.line + side.n,
            CASE WHEN NOT place.is_virtual THEN
                ledger_balance_id(l.item, side.location, l.lot, l.serial, side.owner, side.status) END,
            l.item, side.location, l.lot, l.serial, side.owner, side.status, place.allows_negative,
            side.quantity, side.expected, l.entered, l.unit, l.num, l.den
        )::ledger_leg)
        FROM jsonb_to_recordset(lines) AS l (
            txn integer, line integer, item uuid, lot uuid, serial uuid, quantity numeric,
            from_location uuid, from_status text, from_owner uuid, from_expected numeric,
            to_location uuid, to_status text, to_owner uuid, to_expected numeric,
            entered numeric, unit uuid, num bigint, den bigint
        )
        CROSS JOIN LATERAL (VALUES
            (0, l.from_location, l.from_status, l.from_owner, l.from_expected, -l.quantity),
            (1, l.to_location, l.to_status, l.to_owner, l.to_expected, l.quantity)
        ) AS side (n, location, status, owner, expected, quantity)
        JOIN locations_location place ON place.id = side.location
    );
END
$$;

-- Every writer makes the missing rows first, in order of id, and then locks all of its rows, in order of id: writers
-- queue up instead of deadlocking. (Locking first and inserting after can deadlock with a row made in between.)
CREATE FUNCTION ledger_lock(legs ledger_leg[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM catalog_serial s
        WHERE s.id = ANY (ARRAY(SELECT l.serial_id FROM unnest(legs) l WHERE l.serial_id IS NOT NULL))
        ORDER BY s.id FOR NO KEY UPDATE;
    INSERT INTO ledger_balance (
        id, item_id, location_id, lot_id, serial_id, owner_id, status, allows_negative,
        on_hand, held, version, last_sequence
    )
        SELECT DISTINCT ON (l.balance_id)
            l.balance_id, l.item_id, l.location_id, l.lot_id, l.serial_id, l.owner_id, l.status, l.allows_negative,
            0, 0, 0, 0
        FROM unnest(legs) l
        WHERE l.balance_id IS NOT NULL AND NOT EXISTS (SELECT FROM ledger_balance b WHERE b.id = l.balance_id)
        ORDER BY l.balance_id
        ON CONFLICT (id) DO NOTHING;
    PERFORM FROM ledger_balance b
        WHERE b.id = ANY (ARRAY(SELECT l.balance_id FROM unnest(legs) l WHERE l.balance_id IS NOT NULL))
        ORDER BY b.id FOR NO KEY UPDATE;
END
$$;

-- Tell whether the locked balances allow the legs: all at once on their sums, or transaction by transaction.
CREATE FUNCTION ledger_allows(legs ledger_leg[], in_order boolean) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT NOT EXISTS (
            SELECT FROM (
                SELECT b.on_hand, b.held, b.allows_negative, l.serial_id, l.expected,
                    CASE WHEN in_order THEN sum(l.quantity) OVER so_far ELSE sum(l.quantity) OVER place END AS change,
                    CASE WHEN in_order THEN sum(l.quantity) OVER so_far - sum(l.quantity) OVER own ELSE 0 END AS earlier
                FROM unnest(legs) l
                JOIN ledger_balance b ON b.id = l.balance_id
                WINDOW place AS (PARTITION BY l.balance_id),
                    so_far AS (PARTITION BY l.balance_id ORDER BY l.txn),
                    own AS (PARTITION BY l.balance_id, l.txn)
            ) AS level
            WHERE (NOT allows_negative AND on_hand - held + change < 0)
            OR (serial_id IS NOT NULL AND on_hand + change NOT IN (0, 1))
                OR expected <> on_hand + earlier
        )
    );
END
$$;

-- I12: a serial is one piece in one physical place.
CREATE FUNCTION ledger_allows_serials(legs ledger_leg[], in_order boolean) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT NOT EXISTS (
            SELECT FROM (
                SELECT
                    CASE WHEN in_order THEN sum(l.quantity) OVER so_far ELSE sum(l.quantity) OVER piece END
                    + (SELECT coalesce(sum(b.on_hand), 0) FROM ledger_balance b WHERE b.serial_id = l.serial_id) AS pieces
                FROM unnest(legs) l
                WHERE l.serial_id IS NOT NULL AND l.balance_id IS NOT NULL
                WINDOW piece AS (PARTITION BY l.serial_id), so_far AS (PARTITION BY l.serial_id ORDER BY l.txn)
            ) AS serial
            WHERE pieces NOT IN (0, 1)
        )
    );
END
$$;

-- Take the next `count` sequence numbers and the time, so that both grow together, and let readers see (in pg_locks)
-- that they are not settled until this transaction ends. The lock is held for microseconds, not until commit.
CREATE FUNCTION ledger_take(count integer, OUT first_sequence bigint, OUT recorded_at timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_lock(4801, 1);
    SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END INTO first_sequence FROM ledger_sequence s;
    PERFORM pg_advisory_xact_lock_shared((4803::bigint << 32) | (first_sequence & 4294967295));
    SELECT min(nextval('ledger_sequence')) INTO first_sequence FROM generate_series(1, count);
    recorded_at := clock_timestamp();
    PERFORM pg_advisory_unlock(4801, 1);
EXCEPTION WHEN query_canceled OR OTHERS THEN
    -- A session's lock outlives its transaction: give it back whatever happened.
    PERFORM pg_advisory_unlock(4801, 1);
    RAISE;
END
$$;

-- Post transactions, all or none. Returns a row for each leg: written, or, where `is_posted` is false, the level that
-- stood in the way and nothing was changed.
--   transactions: [{id, kind, effective_at, actor, reason, reference, note, request_id, reverses}], lines: see ledger_legs.
--   in_order: check as if the transactions came one after the other; else on the sum of them all.
CREATE FUNCTION ledger_post(transactions jsonb, lines jsonb, in_order boolean)
RETURNS TABLE (
    is_posted boolean, txn integer, line integer, balance_id uuid, sequence bigint, recorded_at timestamptz,
    on_hand numeric, held numeric, allows_negative boolean, serial_pieces numeric, closed_until timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
DECLARE
    legs ledger_leg[] := ledger_legs(lines);
    closed timestamptz;
    taken record;
BEGIN
    -- Closing a period waits for the posts that are under way, and later posts see it closed.
    PERFORM pg_advisory_xact_lock_shared(4802, 1);
    SELECT max(p.closed_until) INTO closed FROM ledger_period p;
    PERFORM ledger_lock(legs);

    IF EXISTS (
        SELECT FROM jsonb_to_recordset(transactions) AS t (effective_at timestamptz)
        WHERE t.effective_at <= closed OR t.effective_at > clock_timestamp()
    ) OR NOT ledger_allows(legs, in_order) OR NOT ledger_allows_serials(legs, in_order) THEN
        RETURN QUERY SELECT false, l.txn, l.line, l.balance_id, NULL::bigint, clock_timestamp(),
            b.on_hand, b.held, b.allows_negative,
            (SELECT sum(s.on_hand) FROM ledger_balance s WHERE s.serial_id = l.serial_id), closed
        FROM unnest(legs) l LEFT JOIN ledger_balance b ON b.id = l.balance_id;
        RETURN;
    END IF;

    SELECT * INTO taken FROM ledger_take(jsonb_array_length(transactions));
    INSERT INTO ledger_transaction (
        id, sequence, kind, effective_at, recorded_at, actor_id, reason, reference, note, request_id, reverses_id
    )
        SELECT t.id, taken.first_sequence + t.n - 1, t.kind, coalesce(t.effective_at, taken.recorded_at),
            taken.recorded_at, t.actor, t.reason, t.reference, t.note, t.request_id, t.reverses
        FROM ROWS FROM (jsonb_to_recordset(transactions) AS (
            id uuid, kind text, effective_at timestamptz, actor uuid, reason text, reference text, note text,
            request_id text, reverses uuid
        )) WITH ORDINALITY AS t (id, kind, effective_at, actor, reason, reference, note, request_id, reverses, n);

    RETURN QUERY
    WITH leg AS (
        SELECT u.*, taken.first_sequence + u.txn AS sequence FROM unnest(legs) u
    ), numbered AS (
        -- Arrivals before departures: whatever the order of the lines, a place is never negative in between.
        SELECT l.*, t.effective_at,
            b.on_hand + sum(l.quantity) OVER turn AS balance_after,
            b.version + row_number() OVER turn AS balance_version
        FROM leg l
        JOIN ledger_transaction t ON t.sequence = l.sequence
        LEFT JOIN ledger_balance b ON b.id = l.balance_id
        WINDOW turn AS (PARTITION BY l.balance_id ORDER BY l.txn, l.quantity < 0, l.line ROWS UNBOUNDED PRECEDING)
    ), moved AS (
        UPDATE ledger_balance b
        SET on_hand = b.on_hand + d.change, version = b.version + d.postings, last_sequence = d.last_sequence
        FROM (
            SELECT l.balance_id, sum(l.quantity) AS change, count(*) AS postings, max(l.sequence) AS last_sequence
            FROM leg l WHERE l.balance_id IS NOT NULL GROUP BY l.balance_id
        ) AS d
        WHERE b.id = d.balance_id
        RETURNING b.id, b.on_hand, b.held, b.allows_negative
    ), written AS (
        INSERT INTO ledger_posting (
            sequence, line, balance_id, item_id, location_id, lot_id, serial_id, owner_id, status, quantity,
            balance_after, balance_version, effective_at, entered_quantity, entered_unit_id, factor_num, factor_den
        )
            SELECT n.sequence, n.line, n.balance_id, n.item_id, n.location_id, n.lot_id, n.serial_id, n.owner_id,
                n.status, n.quantity, n.balance_after, n.balance_version, n.effective_at, n.entered_quantity,
                n.entered_unit_id, n.factor_num, n.factor_den
            FROM numbered n
    )
    SELECT true, l.txn, l.line, l.balance_id, l.sequence, taken.recorded_at,
        m.on_hand, m.held, m.allows_negative, NULL::numeric, closed
    FROM leg l LEFT JOIN moved m ON m.id = l.balance_id;
END
$$;

-- The highest sequence up to which nothing can appear any more: what is known up to there will never change.
-- The order matters: first how far numbers were given out, then who has not finished. A lock's key holds the low 32
-- bits of the number given out before it; the full number is the one nearest to `given`.
CREATE FUNCTION ledger_settled() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    given bigint;
    unsettled bigint;
BEGIN
    SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END INTO given FROM ledger_sequence s;
    SELECT min(given - (((given - k.objid::bigint + 2147483648) & 4294967295) - 2147483648)) INTO unsettled
        FROM pg_locks k
        WHERE k.locktype = 'advisory' AND k.classid = 4803 AND k.objsubid = 1
            AND k.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
    RETURN least(given, unsettled);
END
$$;

-- Close the books up to an instant, and keep what was in each place then.
CREATE FUNCTION ledger_close_period(until timestamptz, actor uuid, reason text) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    closed timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(4802, 1);
    SELECT max(p.closed_until) INTO closed FROM ledger_period p;
    IF until <= closed OR until > clock_timestamp() THEN
        RETURN coalesce(closed, '0001-01-01T00:00:00Z');
    END IF;
    INSERT INTO ledger_period (closed_until, closed_at, actor_id, reason) VALUES (until, clock_timestamp(), actor, reason);
    INSERT INTO ledger_balance_snapshot (as_of, balance_id, quantity)
        SELECT until, b.id, b.on_hand - coalesce(later.quantity, 0)
        FROM ledger_balance b
        LEFT JOIN (
            SELECT p.balance_id, sum(p.quantity) AS quantity
            FROM ledger_posting p WHERE p.effective_at > until AND p.balance_id IS NOT NULL GROUP BY p.balance_id
        ) AS later ON later.balance_id = b.id
        WHERE b.on_hand <> coalesce(later.quantity, 0);
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION ledger_post(jsonb, jsonb, boolean), ledger_close_period(timestamptz, uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_post(jsonb, jsonb, boolean), ledger_close_period(timestamptz, uuid, text)
    TO inventory_app;
REVOKE ALL ON SEQUENCE ledger_sequence FROM inventory_app;
GRANT SELECT ON SEQUENCE ledger_sequence TO inventory_app;
