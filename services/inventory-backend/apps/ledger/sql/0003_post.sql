-- The one way to write stock: lock, check, write, in one call, with the same few statements for one line or for
-- thousands. It runs with its owner's rights; the service's own role can call it and cannot write the tables.

CREATE SEQUENCE ledger_sequence;

CREATE TYPE ledger_leg AS (
    txn integer,            -- index of the transaction in the call
    turn integer,           -- the legs of one turn are judged on their sum: those of one transaction, or all of them
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
    factor_den bigint,
    -- What `ledger_levels` knows once the balance is locked, or null in a virtual place.
    held numeric,
    before numeric,         -- on hand before the leg's turn
    after numeric,          -- on hand after the leg's turn
    balance_after numeric,  -- on hand right after the leg
    balance_version bigint
);

-- Both legs of each line come from the one line, so they cannot disagree.
CREATE FUNCTION ledger_legs(lines jsonb, in_order boolean) RETURNS ledger_leg[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT array_agg(ROW(
            l.txn, CASE WHEN in_order THEN l.txn ELSE 0 END, 2 * l.line + side.n,
            CASE WHEN NOT place.is_virtual THEN
                ledger_balance_id(l.item, side.location, l.lot, l.serial, side.owner, side.status) END,
            l.item, side.location, l.lot, l.serial, side.owner, side.status, place.allows_negative,
            side.quantity, side.expected, l.entered, l.unit, l.num, l.den,
            NULL, NULL, NULL, NULL, NULL
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
DECLARE
    balances uuid[] := ARRAY(
        SELECT DISTINCT l.balance_id FROM unnest(legs) l WHERE l.balance_id IS NOT NULL ORDER BY l.balance_id
    );
BEGIN
    IF EXISTS (SELECT FROM unnest(legs) l WHERE l.serial_id IS NOT NULL) THEN
        PERFORM FROM catalog_serial s
            WHERE s.id = ANY (ARRAY(SELECT l.serial_id FROM unnest(legs) l))
            ORDER BY s.id FOR NO KEY UPDATE;
    END IF;
    IF cardinality(balances) > (SELECT count(*) FROM ledger_balance b WHERE b.id = ANY (balances)) THEN
        INSERT INTO ledger_balance (
            id, item_id, location_id, lot_id, serial_id, owner_id, status, allows_negative,
            on_hand, held, version, last_sequence
        )
            SELECT DISTINCT ON (l.balance_id)
                l.balance_id, l.item_id, l.location_id, l.lot_id, l.serial_id, l.owner_id, l.status, l.allows_negative,
                0, 0, 0, 0
            FROM unnest(legs) l
            WHERE l.balance_id IS NOT NULL
            ORDER BY l.balance_id
            ON CONFLICT (id) DO NOTHING;
    END IF;
    PERFORM FROM ledger_balance b WHERE b.id = ANY (balances) ORDER BY b.id FOR NO KEY UPDATE;
END
$$;

-- Complete the legs from their locked balances. Arrivals come before departures: whatever the order of the lines, a
-- place is never negative in between.
CREATE FUNCTION ledger_levels(legs ledger_leg[]) RETURNS ledger_leg[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT array_agg(ROW(
            l.txn, l.turn, l.line, l.balance_id, l.item_id, l.location_id, l.lot_id, l.serial_id, l.owner_id, l.status,
            b.allows_negative, l.quantity, l.expected, l.entered_quantity, l.entered_unit_id, l.factor_num,
            l.factor_den, b.held, b.on_hand + l.so_far - l.own, b.on_hand + l.so_far, b.on_hand + l.step,
            b.version + l.steps
        )::ledger_leg)
        FROM (
            SELECT u.*,
                sum(u.quantity) OVER (PARTITION BY u.balance_id ORDER BY u.turn) AS so_far,
                sum(u.quantity) OVER (PARTITION BY u.balance_id, u.turn) AS own,
                sum(u.quantity) OVER step AS step,
                row_number() OVER step AS steps
            FROM unnest(legs) u
            WINDOW step AS (
                PARTITION BY u.balance_id ORDER BY u.turn, u.txn, u.quantity < 0, u.line ROWS UNBOUNDED PRECEDING
            )
        ) AS l
        LEFT JOIN ledger_balance b ON b.id = l.balance_id
    );
END
$$;

-- Tell whether the locked balances allow the legs.
CREATE FUNCTION ledger_allows(legs ledger_leg[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM unnest(legs) l
        WHERE (NOT l.allows_negative AND l.after < l.held)
            OR (l.serial_id IS NOT NULL AND l.after NOT IN (0, 1))
            OR l.expected <> l.before
    );
END
$$;

-- I12: a serial is one piece in one physical place.
CREATE FUNCTION ledger_allows_serials(legs ledger_leg[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN NOT EXISTS (SELECT FROM unnest(legs) l WHERE l.serial_id IS NOT NULL) OR NOT EXISTS (
        SELECT FROM (
            SELECT sum(l.quantity) OVER (PARTITION BY l.serial_id ORDER BY l.turn)
                + (SELECT coalesce(sum(b.on_hand), 0) FROM ledger_balance b WHERE b.serial_id = l.serial_id) AS pieces
            FROM unnest(legs) l
            WHERE l.serial_id IS NOT NULL AND l.balance_id IS NOT NULL
        ) AS serial
        WHERE pieces NOT IN (0, 1)
    );
END
$$;

-- Take the next `count` sequence numbers and the time, so that both grow together, and let readers see (in pg_locks)
-- that they are not settled until this transaction ends. The lock is held for microseconds, not until commit.
CREATE FUNCTION ledger_take(count integer, OUT first_sequence bigint, OUT recorded_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    given bigint;
BEGIN
    PERFORM pg_advisory_lock(4801, 1);
    given := coalesce(pg_sequence_last_value('ledger_sequence'), 0);
    PERFORM pg_advisory_xact_lock_shared((4803::bigint << 32) | (given & 4294967295));
    first_sequence := given + 1;
    PERFORM setval('ledger_sequence', given + count);
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
-- Its settings: rows are found by primary key whatever the statistics of an empty ledger said, and planned once. No
-- statement joins transactions or postings: a plan for a small ledger would read them all until the next ANALYZE.
CREATE FUNCTION ledger_post(transactions jsonb, lines jsonb, in_order boolean)
RETURNS TABLE (
    is_posted boolean, txn integer, line integer, balance_id uuid, sequence bigint, recorded_at timestamptz,
    on_hand numeric, held numeric, allows_negative boolean, serial_pieces numeric, closed_until timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    legs ledger_leg[] := ledger_legs(lines, in_order);
    closed timestamptz;
    effective timestamptz[];  -- of each transaction
    first_sequence bigint;
    now timestamptz;
BEGIN
    -- Closing a period waits for the posts that are under way, and later posts see it closed.
    PERFORM pg_advisory_xact_lock_shared(4802, 1);
    SELECT max(p.closed_until) INTO closed FROM ledger_period p;
    PERFORM ledger_lock(legs);
    legs := ledger_levels(legs);

    IF NOT ledger_allows(legs) OR NOT ledger_allows_serials(legs) OR EXISTS (
        SELECT FROM jsonb_to_recordset(transactions) AS t (effective_at timestamptz)
        WHERE t.effective_at <= closed OR t.effective_at > clock_timestamp()
    ) THEN
        RETURN QUERY SELECT false, l.txn, l.line, l.balance_id, NULL::bigint, clock_timestamp(),
            b.on_hand, b.held, b.allows_negative,
            (SELECT sum(s.on_hand) FROM ledger_balance s WHERE s.serial_id = l.serial_id), closed
        FROM unnest(legs) l LEFT JOIN ledger_balance b ON b.id = l.balance_id;
        RETURN;
    END IF;

    SELECT t.first_sequence, t.recorded_at INTO first_sequence, now FROM ledger_take(jsonb_array_length(transactions)) t;
    WITH written AS (
        INSERT INTO ledger_transaction (
            id, sequence, kind, effective_at, recorded_at, actor_id, reason, reference, note, request_id, reverses_id
        )
            SELECT t.id, first_sequence + t.n - 1, t.kind, coalesce(t.effective_at, now),
                now, t.actor, t.reason, t.reference, t.note, t.request_id, t.reverses
            FROM ROWS FROM (jsonb_to_recordset(transactions) AS (
                id uuid, kind text, effective_at timestamptz, actor uuid, reason text, reference text, note text,
                request_id text, reverses uuid
            )) WITH ORDINALITY AS t (id, kind, effective_at, actor, reason, reference, note, request_id, reverses, n)
            RETURNING sequence, effective_at
    )
    SELECT array_agg(w.effective_at ORDER BY w.sequence) INTO effective FROM written w;
    INSERT INTO ledger_posting (
        sequence, line, balance_id, item_id, location_id, lot_id, serial_id, owner_id, status, quantity,
        balance_after, balance_version, effective_at, entered_quantity, entered_unit_id, factor_num, factor_den
    )
        SELECT first_sequence + l.txn, l.line, l.balance_id, l.item_id, l.location_id, l.lot_id, l.serial_id, l.owner_id,
            l.status, l.quantity, l.balance_after, l.balance_version,
            effective[l.txn + 1], l.entered_quantity, l.entered_unit_id, l.factor_num, l.factor_den
        FROM unnest(legs) l;
    UPDATE ledger_balance b
        SET on_hand = l.balance_after, version = l.balance_version, last_sequence = first_sequence + l.txn
        FROM (
            SELECT DISTINCT ON (u.balance_id) u.balance_id, u.balance_after, u.balance_version, u.txn
            FROM unnest(legs) u WHERE u.balance_id IS NOT NULL ORDER BY u.balance_id, u.balance_version DESC
        ) AS l
        WHERE b.id = l.balance_id;
    RETURN QUERY
        SELECT true, l.txn, l.line, l.balance_id, first_sequence + l.txn, now,
            l.after, l.held, l.allows_negative, NULL::numeric, closed
        FROM unnest(legs) l;
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
