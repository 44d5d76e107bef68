-- What must hold of the ledger whoever writes to it, the owner of the tables included.

ALTER TABLE ledger_balance SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- A place is the hash of its dimensions: it is found by primary key alone, and no two rows can mean the same place.
-- A dimension that is added later is appended only where it is set, so existing ids stay what they are.
CREATE FUNCTION ledger_balance_id(item uuid, location uuid, lot uuid, serial uuid, owner uuid, status text)
RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT encode(substr(sha256((
        item::text || location::text || status
        || coalesce('lot' || lot::text, '') || coalesce('serial' || serial::text, '')
        || coalesce('owner' || owner::text, '')
    )::bytea), 1, 16), 'hex')::uuid
$$;

-- A trigger, not a CHECK: PostgreSQL plans a CHECK's function anew for each statement, those that only move stock too.
CREATE FUNCTION ledger_check_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> ledger_balance_id(
        NEW.item_id, NEW.location_id, NEW.lot_id, NEW.serial_id, NEW.owner_id, NEW.status
    ) THEN
        RAISE EXCEPTION 'The id of a balance is the hash of its place.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balance_id_is_its_place';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER id_is_its_place
    AFTER INSERT OR UPDATE OF id, item_id, location_id, lot_id, serial_id, owner_id, status ON ledger_balance
    FOR EACH ROW EXECUTE FUNCTION ledger_check_place();

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the ledger is append-only. Post a reversal instead.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transaction
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_period
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_balance_snapshot
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON ledger_balance
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();

-- I1: what arrives somewhere has left somewhere else, item by item, lot by lot, serial by serial.
CREATE FUNCTION ledger_check_zero_sum() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted GROUP BY sequence, item_id, lot_id, serial_id HAVING sum(quantity) <> 0
    ) THEN
        RAISE EXCEPTION 'The postings of a transaction must sum to zero for each item, lot and serial.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_posting_zero_sum';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER zero_sum AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_zero_sum();

-- A leg belongs to a transaction, and to the balance of its place. Neither can be deleted, so what held once holds.
-- Its rows are looked up one by one in an index, whoever writes: a plan made for a small ledger stays until ANALYZE.
CREATE FUNCTION ledger_check_legs() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted i
        -- Not NOT EXISTS, which may become a hash of all transactions while there are no statistics yet.
        WHERE (SELECT t.sequence FROM ledger_transaction t WHERE t.sequence = i.sequence) IS NULL
            OR (i.balance_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM ledger_balance b
                WHERE b.id = i.balance_id AND b.item_id = i.item_id AND b.location_id = i.location_id
                    AND b.status = i.status AND b.lot_id IS NOT DISTINCT FROM i.lot_id
                    AND b.serial_id IS NOT DISTINCT FROM i.serial_id AND b.owner_id IS NOT DISTINCT FROM i.owner_id
            ))
    ) THEN
        RAISE EXCEPTION 'A posting belongs to a transaction, and to the balance of its place.'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'ledger_posting_belongs';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER belongs AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_legs();

-- I2, I3: a balance moves only in the statement that writes the posting which says so.
CREATE FUNCTION ledger_check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM changed c
        WHERE (c.version <> 0 OR c.on_hand <> 0) AND NOT EXISTS (
            SELECT FROM ledger_posting p
            WHERE p.balance_id = c.id AND p.balance_version = c.version
                AND p.balance_after = c.on_hand AND p.sequence = c.last_sequence
        )
    ) THEN
        RAISE EXCEPTION 'A balance changes only together with its posting.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_balance_follows_postings';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER follows_postings_on_insert AFTER INSERT ON ledger_balance REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_balance();
CREATE TRIGGER follows_postings_on_update AFTER UPDATE ON ledger_balance REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_balance();

-- The service reads. What it may write, it writes through the functions of the next migration.
REVOKE ALL ON ledger_transaction, ledger_posting, ledger_balance, ledger_period, ledger_balance_snapshot
    FROM inventory_app;
GRANT SELECT ON ledger_transaction, ledger_posting, ledger_balance, ledger_period, ledger_balance_snapshot
    TO inventory_app;
