-- What the shop of books.sql lacks to look like one that has worked with the admin for a year: names and tiers,
-- accounts, deliveries, the audit trail, a queue that people keep up with, and the figures of each day.
SET session_replication_role = replica;
SET work_mem = '256MB';

-- Only what came within the last weeks still waits.
UPDATE rewards SET state = 'settled', hold_reason = NULL, settled_at = created_at, decided_at = created_at + interval '5 hours',
    decided_by = 'staff:42'
WHERE state IN ('pending', 'held', 'in_review')
    AND created_at < current_setting('bench.ends')::timestamptz - interval '20 days';

DELETE FROM terms_versions;  -- the usual ones follow

UPDATE rewards SET tier_name = (ARRAY['Bronze', 'Bronze', 'Bronze', 'Silver', 'Gold'])[1 + customer_id % 5]
WHERE customer_id % 5 > 2;

UPDATE customers SET name = (ARRAY['Ada', 'Bela', 'Cleo', 'Dora', 'Emil', 'Fay', 'Gus', 'Hedy', 'Ivo', 'Jan'])[1 + id % 10]
        || ' ' || chr(65 + (id / 10 % 26)::int) || 'sample' || id,
    tags = CASE id % 7 WHEN 0 THEN ARRAY['vip'] WHEN 1 THEN ARRAY['wholesale', 'slow'] END,
    tier_name = (ARRAY['Bronze', 'Bronze', 'Bronze', 'Silver', 'Gold'])[1 + id % 5], tier_spend_minor = id * 7919 % 400000,
    tier_since = current_setting('bench.begins')::timestamptz, tier_checked_at = current_setting('bench.ends')::timestamptz,
    deleted_at = CASE id % 1000 WHEN 0 THEN current_setting('bench.ends')::timestamptz END;

INSERT INTO credit_accounts (shop_id, customer_id, currency, shopify_id, balance_minor, read_at, next_read_at, drift_minor,
    drift_since)
SELECT 1, id, 'USD', id, id * 31 % 5000, current_setting('bench.ends')::timestamptz,
    current_setting('bench.ends')::timestamptz + interval '1 day', CASE id % 3000 WHEN 7 THEN 100 ELSE 0 END,
    CASE id % 3000 WHEN 7 THEN current_setting('bench.ends')::timestamptz END
FROM customers WHERE id % 4 > 0;

-- In the order they came; the last few wait still.
INSERT INTO inbox (shop_id, webhook_id, topic, received_at, body, pruned_at, state, order_shopify_id, attempts, handled_at,
    reason)
SELECT 1, 'made-up-' || i, CASE i % 4 WHEN 0 THEN 'orders/updated' WHEN 1 THEN 'refunds/create' ELSE 'orders/paid' END,
    placed_at, '', placed_at, CASE WHEN i % 5000 = 3 THEN 'failed' WHEN i > (SELECT MAX(id) - 5 FROM orders) THEN 'received'
        WHEN i % 50 = 7 THEN 'ignored' ELSE 'handled' END,
    9007199254740992 + i, 1, placed_at + interval '2 seconds', CASE i % 5000 WHEN 3 THEN 'Something was not understood.' END
FROM (SELECT id AS i, placed_at FROM orders ORDER BY id) arrived;

INSERT INTO audit_events (shop_id, at, actor, action, subject, subject_id, before, after, reason)
SELECT 1, created_at + interval '5 hours', CASE id % 3 WHEN 0 THEN 'staff:42' ELSE 'system' END,
    CASE WHEN id % 97 = 0 THEN 'reject' WHEN id % 3 = 0 THEN 'approve' ELSE 'release' END, 'reward', id,
    '{"state": "in_review"}', '{"state": "settled"}', CASE id % 97 WHEN 0 THEN 'It was ordered twice.' END
FROM (SELECT id, created_at FROM rewards WHERE state = 'settled' ORDER BY id) done;

INSERT INTO tier_changes (shop_id, customer_id, before, after, kind, spend_minor, terms_version, at, actor)
SELECT 1, id, NULL, 'Bronze', 'initial', 0, 1, created_at + id % 200 * interval '1 day' AS at, 'system' FROM customers
UNION ALL
SELECT 1, id, 'Bronze', tier_name, 'upgrade', tier_spend_minor, 1, created_at + id % 300 * interval '1 day', 'system'
FROM customers WHERE tier_name <> 'Bronze'
ORDER BY at;

UPDATE transfers SET state = 'refused', confirmed_at = NULL, shopify_transaction_id = NULL, error = 'Not now.'
WHERE id % 20000 = 11;

INSERT INTO credit_moves (id, shop_id, key, customer_id, kind, currency, amount_minor, at, first_seen_at)
SELECT (SELECT MAX(id) FROM credit_moves) + id, 1, 'gid://shopify/StoreCreditAccountCreditTransaction/other-' || id, id,
    'external_credit', 'USD', 100, tier_checked_at, tier_checked_at
FROM customers WHERE id % 50 = 1;

INSERT INTO figure_counts (shop_id, counted_to, timezone, counted_at)
SELECT 1, MAX(id), 'America/New_York', current_setting('bench.ends')::timestamptz FROM ledger_entries;

INSERT INTO daily_figures (shop_id, on_day, issued_minor, reversed_minor, available_minor, owed_minor, settlements,
    redemptions, granted_by_tier, waiting)
SELECT 1, on_day, 400000, 20000, 90000, 100, 2000, 700, '{"Bronze": 300000, "Silver": 70000, "Gold": 30000}', 40
FROM generate_series(current_setting('bench.begins')::timestamptz, current_setting('bench.ends')::timestamptz,
    interval '1 day') on_day;

INSERT INTO incidents (shop_id, cause, what, advice, began_at, seen_at, gone_at, ended_at, told_at, mailed_at, end_told_at)
SELECT 1, 'inbox_late', 'A delivery from Shopify has been waiting for 2 minutes.', 'Check that a worker is running.',
    at, at, at + interval '5 minutes', at + interval '5 minutes', told_at, told_at, told_at + interval '7 minutes'
FROM (SELECT placed_at AS at, CASE id % 12 WHEN 0 THEN placed_at + interval '1 minute' END AS told_at FROM orders
    WHERE id % 4 = 0 ORDER BY id) came;

INSERT INTO alert_posts (shop_id, incident_id, event, body, created_at, attempts, posted_at)
SELECT 1, id, 'incident.opened', '{}', told_at, 1, told_at FROM incidents WHERE told_at IS NOT NULL;

-- A mail for every second order; a few were refused, the newest wait. What was told in each, and what nobody was told yet.
INSERT INTO mails (shop_id, kind, customer_id, address, address_key, language, sayings, subject, html, text, state,
    created_at, attempts, sent_at, refusal, error)
SELECT 1, CASE WHEN id % 100 = 0 THEN 'statement' WHEN id % 1000 = 2 THEN 'alert' ELSE 'digest' END, customer_id,
    'customer-' || customer_id || '@example.com', 'customer-' || customer_id || '@example.com', 'en', '{earned}',
    'You earned $2.00', '<p>You earned $2.00.</p>', 'You earned $2.00.', state, placed_at, 1,
    CASE state WHEN 'sent' THEN placed_at END, CASE state WHEN 'refused' THEN 'server' END,
    CASE state WHEN 'refused' THEN '550 Not now.' END
FROM (SELECT id, customer_id, placed_at, CASE WHEN id % 400 = 4 THEN 'refused' WHEN id % 1000 = 6 THEN 'unknown'
        WHEN id > (SELECT MAX(id) - 40 FROM orders) THEN 'planned' ELSE 'sent' END AS state
    FROM orders WHERE id % 2 = 0 AND customer_id IS NOT NULL ORDER BY id) came;

INSERT INTO messages (shop_id, key, topic, customer_id, subject_id, created_at, state, done_at, mail_id)
SELECT 1, 'made-up:' || id, 'tier', customer_id, id, created_at, 'mailed', created_at, id
FROM mails ORDER BY id;

INSERT INTO messages (shop_id, key, topic, customer_id, subject_id, created_at)
SELECT 1, 'waits:' || id, 'tier', id, id, current_setting('bench.ends')::timestamptz FROM customers ORDER BY id LIMIT 3000;

INSERT INTO mail_stops (shop_id, address_key, reason, at)
SELECT 1, 'customer-' || id || '@example.com', 'bounced', current_setting('bench.ends')::timestamptz
FROM customers WHERE id % 2 = 1;
