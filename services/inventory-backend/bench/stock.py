"""What is in the bench's databases: items, bins, and a history of postings, made through `ledger_post`."""

from typing import Any, Final

from psycopg import Connection, sql

ITEMS: Final = 1_000
BINS: Final = 100
OPENING: Final = 1_000_000
SITES: Final = 24  # and LAST
BINS_OF_SITE: Final = 40
_LINES_PER_CALL: Final = 4_000
_LINES_PER_TRANSACTION: Final = 4

# The table is that of `bench.bare.Row`; bins BIN-000 and so on are below the warehouse BENCH.
_MASTER_DATA: Final = """
CREATE TABLE bench_row (
    id uuid PRIMARY KEY,
    item_id uuid NOT NULL,
    quantity numeric(20, 6) NOT NULL,
    reference varchar(200) NOT NULL
);
GRANT SELECT, INSERT ON bench_row TO inventory_app;
INSERT INTO catalog_unit (id, version, code, name, dimension, factor_num, factor_den, is_whole)
    VALUES (gen_random_uuid(), 1, 'bench-piece', 'Piece', 'bench', 1, 1, true);
INSERT INTO catalog_item (id, version, sku, name, description, tracking, base_unit_id)
    SELECT gen_random_uuid(), 1, 'BENCH-' || lpad(n::text, 4, '0'), 'Item ' || n, '', 'none', u.id
    FROM generate_series(0, {items} - 1) n, catalog_unit u WHERE u.code = 'bench-piece';
INSERT INTO locations_location (id, version, code, name, kind, allows_negative)
    VALUES (gen_random_uuid(), 1, 'BENCH', 'Bench', 'warehouse', false),
        (gen_random_uuid(), 1, 'BENCH-OPENING', 'Opening', 'opening', false);
INSERT INTO locations_location (id, version, code, name, kind, allows_negative, parent_id)
    SELECT gen_random_uuid(), 1, 'BIN-' || lpad(n::text, 3, '0'), 'Bin ' || n, 'bin', false, w.id
    FROM generate_series(0, {bins} - 1) n, locations_location w WHERE w.code = 'BENCH';
INSERT INTO locations_location_closure (ancestor_id, descendant_id, depth)
    SELECT l.id, l.id, 0 FROM locations_location l WHERE l.code LIKE 'BENCH%' OR l.code LIKE 'BIN-%'
    UNION ALL
    SELECT l.parent_id, l.id, 1 FROM locations_location l WHERE l.code LIKE 'BIN-%';
"""

# SITE-00 and so on, each with its bins: 1,000 items in 24 sites of 40 bins, 40,000 balances in each site. LAST has as
# many bins, and a thousand items of its own, whose ids come after all others: together a million balances. The list's
# order is by item, so who sees LAST alone sees nothing of its first 960,000.
_SITES: Final = """
INSERT INTO locations_location (id, version, code, name, kind, allows_negative)
    SELECT gen_random_uuid(), 1, 'SITE-' || lpad(n::text, 2, '0'), 'Site ' || n, 'warehouse', false
    FROM generate_series(0, {sites} - 1) n;
INSERT INTO locations_location (id, version, code, name, kind, allows_negative, parent_id)
    SELECT gen_random_uuid(), 1, s.code || '-' || lpad(n::text, 2, '0'), 'Bin ' || n, 'bin', false, s.id
    FROM generate_series(0, {bins} - 1) n, locations_location s WHERE s.code LIKE 'SITE-__';
INSERT INTO locations_location_closure (ancestor_id, descendant_id, depth)
    SELECT l.id, l.id, 0 FROM locations_location l WHERE l.code LIKE 'SITE-%'
    UNION ALL
    SELECT l.parent_id, l.id, 1 FROM locations_location l WHERE l.code LIKE 'SITE-__-%';
INSERT INTO ledger_balance (
        id, item_id, location_id, status, allows_negative, on_hand, held, version, last_sequence
    )
    SELECT ledger_balance_id(i.id, l.id, NULL, NULL, NULL, 'available'), i.id, l.id, 'available', false, 0, 0, 0, 0
    FROM catalog_item i, locations_location l WHERE i.sku LIKE 'BENCH-%' AND l.code LIKE 'SITE-__-%';
INSERT INTO locations_location (id, version, code, name, kind, allows_negative)
    VALUES (gen_random_uuid(), 1, 'LAST', 'Last', 'warehouse', false);
INSERT INTO locations_location (id, version, code, name, kind, allows_negative, parent_id)
    SELECT gen_random_uuid(), 1, 'LAST-' || lpad(n::text, 2, '0'), 'Bin ' || n, 'bin', false, s.id
    FROM generate_series(0, {bins} - 1) n, locations_location s WHERE s.code = 'LAST';
INSERT INTO locations_location_closure (ancestor_id, descendant_id, depth)
    SELECT l.id, l.id, 0 FROM locations_location l WHERE l.code LIKE 'LAST%'
    UNION ALL
    SELECT l.parent_id, l.id, 1 FROM locations_location l WHERE l.code LIKE 'LAST-%';
INSERT INTO catalog_item (id, version, sku, name, description, tracking, base_unit_id)
    SELECT ('ffffffff-ffff-4fff-bfff-' || lpad(n::text, 12, '0'))::uuid, 1, 'LAST-' || lpad(n::text, 4, '0'),
        'Item ' || n, '', 'none', u.id
    FROM generate_series(0, {items} - 1) n, catalog_unit u WHERE u.code = 'bench-piece';
INSERT INTO ledger_balance (
        id, item_id, location_id, status, allows_negative, on_hand, held, version, last_sequence
    )
    SELECT ledger_balance_id(i.id, l.id, NULL, NULL, NULL, 'available'), i.id, l.id, 'available', false, 0, 0, 0, 0
    FROM catalog_item i, locations_location l WHERE i.sku LIKE 'LAST-%' AND l.code LIKE 'LAST-%';
"""

# The service says what it did as ever, and nothing keeps it: no table, no index is written, and nothing is watched.
UNAUDIT: Final = """
SELECT audit_unwatch(t.tgrelid) FROM pg_trigger t WHERE t.tgname = 'audit_insert';
CREATE FUNCTION bench_no_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER bench_no_event BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION bench_no_event();
"""

_POST: Final = """
SELECT bool_and(posted.is_posted) FROM ledger_post(
    (SELECT jsonb_agg(jsonb_build_object(
        'id', gen_random_uuid(), 'kind', %(kind)s::text, 'actor', '00000000-0000-0000-0000-000000000000',
        'reason', '', 'reference', '', 'note', '', 'request_id', 'bench'
    )) FROM generate_series(1, %(transactions)s::int)),
    (SELECT jsonb_agg(jsonb_build_object(
        'txn', line.txn, 'line', line.n, 'item', line.item, 'quantity', line.quantity,
        'from_location', line.source, 'from_status', 'available',
        'to_location', line.target, 'to_status', 'available',
        'entered', line.quantity, 'unit', u.id, 'num', 1, 'den', 1
    )) FROM ({lines}) AS line, catalog_unit u WHERE u.code = 'bench-piece'),
    false
) AS posted
"""

_OPENING_LINES: Final = sql.SQL("""
    SELECT 0 AS txn, row_number() OVER () - 1 AS n, i.id AS item, %(quantity)s::int AS quantity,
        o.id AS source, b.id AS target
    FROM catalog_item i, locations_location o, locations_location b
    WHERE o.code = 'BENCH-OPENING' AND b.code = %(bin)s
""")

_TRANSFER_LINES: Final = sql.SQL("""
    SELECT k / %(per_transaction)s AS txn, k %% %(per_transaction)s AS n, i.id AS item, 1 AS quantity,
        s.id AS source, t.id AS target
    FROM (
        SELECT k, floor(random() * %(items)s)::int AS item, floor(random() * %(bins)s)::int AS bin,
            1 + floor(random() * (%(bins)s - 1))::int AS step
        FROM generate_series(0, %(lines)s - 1) k
    ) AS chosen
    JOIN catalog_item i ON i.sku = 'BENCH-' || lpad(item::text, 4, '0')
    JOIN locations_location s ON s.code = 'BIN-' || lpad(bin::text, 3, '0')
    JOIN locations_location t ON t.code = 'BIN-' || lpad(((bin + step) %% %(bins)s)::text, 3, '0')
""")


def make_master_data(connection: Connection[Any]) -> None:
    """Make the unit, the items and the bins, and the table of the bare view."""
    connection.execute(sql.SQL(_MASTER_DATA).format(items=ITEMS, bins=BINS))
    connection.commit()


def open_bins(connection: Connection[Any], bins: range) -> None:
    """Put an opening quantity of every item into each bin: two postings and one balance each."""
    for n in bins:
        _post(connection, _OPENING_LINES, kind="opening", transactions=1, quantity=OPENING, bin=f"BIN-{n:03}")
    _settle(connection)


def grow(connection: Connection[Any], postings: int) -> None:
    """Post transfers of four lines between random bins until the ledger has `postings` of them."""
    row = connection.execute("SELECT count(*) FROM ledger_posting").fetchone()
    missing = (postings - (row[0] if row else 0)) // 2
    while missing > 0:
        lines = min(missing, _LINES_PER_CALL)
        transactions = -(-lines // _LINES_PER_TRANSACTION)
        _post(
            connection,
            _TRANSFER_LINES,
            kind="transfer",
            transactions=transactions,
            per_transaction=_LINES_PER_TRANSACTION,
            items=ITEMS,
            bins=BINS,
            lines=lines,
        )
        missing -= lines
    _settle(connection)


def spread(connection: Connection[Any]) -> None:
    """Make SITES warehouses of BINS_OF_SITE bins with a balance of every item in each bin, and LAST with its own items.

    The balances are empty and have no history: only what lists read is made.
    """
    connection.execute(sql.SQL(_SITES).format(sites=SITES, bins=BINS_OF_SITE, items=ITEMS))
    _settle(connection)


def _post(connection: Connection[Any], entered: sql.SQL, **parameters: object) -> None:
    row = connection.execute(sql.SQL(_POST).format(lines=entered), parameters).fetchone()
    if row != (True,):
        raise RuntimeError(f"The ledger refused the bench's own stock: {row}.")
    connection.commit()


def _settle(connection: Connection[Any]) -> None:
    """Let no vacuum of what was just written run into a measurement."""
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM (ANALYZE)")
    connection.execute("CHECKPOINT")
    connection.autocommit = False
