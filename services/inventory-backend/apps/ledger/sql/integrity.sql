-- The public trial balance: every row that breaks one of the first five invariants, or one of the rules behind them.
SELECT 'I1' AS invariant, 'transaction' AS object, p.sequence::text AS id,
    'The postings of one item, lot and serial sum to ' || sum(p.quantity) || ', not to zero.' AS detail
FROM ledger_posting p GROUP BY p.sequence, p.item_id, p.lot_id, p.serial_id HAVING sum(p.quantity) <> 0
UNION ALL
SELECT 'I2', 'balance', b.id::text,
    'On hand is ' || b.on_hand || ', the postings sum to ' || coalesce(s.total, 0)
    || ' and the last one says ' || coalesce(s.last, 0) || '.'
FROM ledger_balance b LEFT JOIN (
    SELECT p.balance_id, sum(p.quantity) AS total,
        (array_agg(p.balance_after ORDER BY p.balance_version DESC))[1] AS last
    FROM ledger_posting p WHERE p.balance_id IS NOT NULL GROUP BY p.balance_id
) AS s ON s.balance_id = b.id
WHERE b.on_hand <> coalesce(s.total, 0) OR b.on_hand <> coalesce(s.last, 0)
UNION ALL
SELECT 'I3', 'balance', b.id::text,
    'The version is ' || b.version || ', with ' || coalesce(s.postings, 0) || ' postings up to version '
    || coalesce(s.highest, 0) || '.'
FROM ledger_balance b LEFT JOIN (
    SELECT p.balance_id, count(*) AS postings, min(p.balance_version) AS lowest, max(p.balance_version) AS highest
    FROM ledger_posting p WHERE p.balance_id IS NOT NULL GROUP BY p.balance_id
) AS s ON s.balance_id = b.id
WHERE b.version <> coalesce(s.postings, 0) OR b.version <> coalesce(s.highest, 0) OR coalesce(s.lowest, 1) <> 1
UNION ALL
SELECT 'I4', 'item', p.item_id::text, 'The postings over all locations sum to ' || sum(p.quantity) || ', not to zero.'
FROM ledger_posting p GROUP BY p.item_id HAVING sum(p.quantity) <> 0
UNION ALL
SELECT 'I5', 'balance', b.id::text, 'On hand is ' || b.on_hand || ' and held is ' || b.held || '.'
FROM ledger_balance b
WHERE b.held < 0 OR (NOT b.allows_negative AND (b.on_hand < 0 OR b.held > b.on_hand))
UNION ALL
SELECT 'I12', 'serial', b.serial_id::text, 'The serial is in stock ' || sum(b.on_hand) || ' times.'
FROM ledger_balance b WHERE b.serial_id IS NOT NULL GROUP BY b.serial_id HAVING sum(b.on_hand) NOT IN (0, 1)
UNION ALL
SELECT 'I2', 'posting', p.sequence || '/' || p.line, 'The posting names another place than its balance.'
FROM ledger_posting p JOIN ledger_balance b ON b.id = p.balance_id
WHERE (p.item_id, p.location_id, p.status) <> (b.item_id, b.location_id, b.status)
    OR (p.lot_id, p.serial_id, p.owner_id) IS DISTINCT FROM (b.lot_id, b.serial_id, b.owner_id)
ORDER BY invariant, object, id
LIMIT 1000
