-- A made-up shop whose books add up: as many rewards as bench.rewards says, bench.each of them to a customer, from
-- bench.begins, the first of a month, to bench.ends, which is less than a year later.
-- By the last two digits of a shuffled number an order earned nothing (0 to 4), waits (5 to 15), went away before it
-- settled (16, 17), is a guest's (18, 19), was returned in part (20 to 34) or whole (35 to 37), or is settled and
-- often spent in part (38 to 87).
SET session_replication_role = replica;  -- nothing refers to what is not there, and the triggers need not look
SET work_mem = '256MB';

INSERT INTO shops (id, domain, name, currency, timezone, mode, far_expiry_agreed, installed_at)
VALUES (1, 'made-up.myshopify.com', 'Made up', 'USD', 'America/New_York', 'automatic', false,
    current_setting('bench.begins')::timestamptz - interval '1 month');

INSERT INTO terms_versions (shop_id, version, effective_from, body, published_at, published_by)
SELECT 1, 1, current_setting('bench.begins')::timestamptz - interval '1 month', jsonb_build_object('version', 1, 'currency', 'USD', 'cycle', '{"days": 10}'::jsonb, 'limits',
    jsonb_build_object('day_minor', 300, 'cycle_minor', 300, 'month_minor', 900, 'lifetime_minor', 100000,
                       'budget_minor', 200 * current_setting('bench.rewards')::bigint)), current_setting('bench.begins')::timestamptz - interval '1 month', 'system';

CREATE TEMP TABLE plan AS
SELECT i, c AS customer_id, placed_at, k,
    CASE WHEN k < 5 THEN 'ineligible' WHEN k < 10 THEN 'pending' WHEN k < 13 THEN 'held' WHEN k < 16 THEN 'in_review'
         WHEN k < 18 THEN 'voided' WHEN k < 20 THEN 'awaiting_customer' WHEN k BETWEEN 35 AND 37 THEN 'reversed'
         ELSE 'settled' END AS state,
    CASE WHEN k < 5 THEN 0 ELSE 200 END AS granted,
    CASE WHEN k BETWEEN 20 AND 34 THEN 50 WHEN k IN (16, 17, 35, 36, 37) THEN 200 ELSE 0 END AS gone,
    CASE WHEN k BETWEEN 37 AND 87 THEN 60 ELSE 0 END AS spent,
    (c - 1) * 13 + 1 + extract(month FROM age(date_trunc('month', placed_at AT TIME ZONE 'UTC'), begins))::int AS statement_id
FROM (
    SELECT i, (i * 7919 + i / c * 31) % 100 AS k, 1 + i % c AS c, begins AT TIME ZONE 'UTC' AS begins,
        begins + i * ((ends - begins) / n) AS placed_at
    FROM (SELECT n, begins, ends, GREATEST(n / each, 1) AS c FROM (SELECT current_setting('bench.rewards')::bigint AS n,
        current_setting('bench.each')::bigint AS each, current_setting('bench.begins')::timestamptz AS begins,
        current_setting('bench.ends')::timestamptz AS ends) asked) size,
        generate_series(1, n) i
) drawn;

INSERT INTO customers (id, shop_id, shopify_id, email, name, created_at)
SELECT c, 1, 7000000000000 + c, 'customer-' || c || '@example.com', 'Customer ' || c, current_setting('bench.begins')::timestamptz
FROM generate_series(1, (SELECT MAX(customer_id) FROM plan)) c;

INSERT INTO statements (id, shop_id, customer_id, starts_at, ends_at)
SELECT (c.id - 1) * 13 + m, 1, c.id, (begins + (m - 1) * interval '1 month') AT TIME ZONE 'UTC',
    (begins + m * interval '1 month') AT TIME ZONE 'UTC'
FROM customers c, generate_series(1, 13) m, (SELECT current_setting('bench.begins')::timestamptz AT TIME ZONE 'UTC' AS begins) year;

INSERT INTO orders (id, shop_id, shopify_id, name, customer_id, currency, total_minor, financial_status, placed_at,
    version_at, fact, first_seen_at)
SELECT i, 1, 9007199254740992 + i, '#' || i, CASE state WHEN 'awaiting_customer' THEN NULL ELSE customer_id END, 'USD',
    10000, 'paid', placed_at, placed_at, jsonb_build_object('order_id', 9007199254740992 + i, 'name', '#' || i, 'currency',
        'USD', 'placed_at', placed_at, 'updated_at', placed_at, 'tags', '[]'::jsonb, 'financial_status', 'paid', 'is_test', false,
        'cancelled_at', NULL, 'customer', NULL, 'lines', (
            SELECT jsonb_agg(jsonb_build_object('line_id', i * 10 + l, 'title', 'A thing of a shop ' || l, 'quantity', 1,
                'removed_quantity', 0, 'net_minor', 5000, 'tax_minor', 0, 'product_id', 900 + l, 'vendor', 'Example'))
            FROM generate_series(1, 2) l)), placed_at
FROM plan ORDER BY i;

INSERT INTO rewards (id, shop_id, order_id, customer_id, state, hold_reason, ineligible_reason, terms_version, tier_name,
    rate_bps, spend_minor, currency, eligible_minor, calculated_minor, granted_minor, reversed_minor, ceilings,
    counted_minor, budget_month, claim_until, statement_id, steps, version, created_at, state_at, settled_at)
SELECT i, 1, i, CASE state WHEN 'awaiting_customer' THEN NULL ELSE customer_id END, state,
    CASE state WHEN 'held' THEN 'order_value' END, CASE granted WHEN 0 THEN 'no_eligible_lines' END, 1, 'Bronze', 200, 0,
    'USD', 10000, granted, granted, gone,
    CASE granted WHEN 0 THEN '[]' ELSE '[{"kind": "day", "limit_minor": 300, "before_minor": 0, "ceiling_minor": 300},
        {"kind": "lifetime", "limit_minor": 100000, "before_minor": 0, "ceiling_minor": 100000}]'::jsonb END,
    CASE WHEN state IN ('awaiting_customer', 'voided') THEN 0 ELSE granted - gone END,
    date_trunc('month', placed_at AT TIME ZONE 'America/New_York')::date,
    CASE state WHEN 'awaiting_customer' THEN placed_at + interval '90 days' END,
    CASE WHEN state NOT IN ('ineligible', 'awaiting_customer') THEN statement_id END,
    jsonb_build_array(jsonb_build_object('kind', 'line_counts', 'line_id', i, 'title', 'A thing of a shop', 'quantity', 1,
        'net_minor', 10000), jsonb_build_object('kind', 'tier_rate', 'tier', 'Bronze', 'rate_bps', 200, 'spend_minor', 0),
        jsonb_build_object('kind', 'amount', 'eligible_minor', 10000, 'rate_bps', 200, 'amount_minor', granted,
            'exact', to_char(granted / 100.0, 'FM9990.00'))),
    2, placed_at, placed_at, CASE WHEN state IN ('settled', 'reversed') THEN placed_at END
FROM plan ORDER BY i;

INSERT INTO spend_events (shop_id, customer_id, order_id, at, placed_at, amount_minor)
SELECT 1, customer_id, i, placed_at, placed_at, 10000 FROM plan WHERE state <> 'awaiting_customer'
UNION ALL
SELECT 1, customer_id, i, placed_at + interval '2 days', placed_at, -50 * gone FROM plan WHERE gone > 0;

INSERT INTO grant_events (shop_id, customer_id, order_id, order_shopify_id, placed_at, at, amount_minor)
SELECT 1, customer_id, i, 9007199254740992 + i, placed_at, placed_at, granted FROM plan
WHERE state <> 'awaiting_customer' AND granted > 0
UNION ALL
SELECT 1, customer_id, i, 9007199254740992 + i, placed_at, placed_at + interval '2 days', -gone FROM plan WHERE gone > 0;

INSERT INTO transfers (shop_id, key, customer_id, reward_id, kind, currency, amount_minor, state, created_at, sent_minor,
    shopify_transaction_id, confirmed_at, attempts, empty_reads, needs_person)
SELECT 1, 'credit:order:' || i, customer_id, i, 'credit', 'USD', 200, 'confirmed', placed_at, 200,
    'gid://shopify/StoreCreditAccountCreditTransaction/' || i, placed_at, 1, 0, false
FROM plan WHERE state IN ('settled', 'reversed')
UNION ALL
SELECT 1, 'debit:order:' || i, customer_id, i, 'debit', 'USD', LEAST(gone, 200 - spent), 'confirmed', placed_at,
    LEAST(gone, 200 - spent), 'gid://shopify/StoreCreditAccountDebitTransaction/' || i, placed_at, 1, 0, false
FROM plan WHERE state IN ('settled', 'reversed') AND gone > 0;

INSERT INTO credit_moves (id, shop_id, key, customer_id, kind, currency, amount_minor, at, first_seen_at)
SELECT i, 1, 'gid://shopify/StoreCreditAccountDebitTransaction/spent-' || i, customer_id, 'redemption', 'USD', spent,
    placed_at + interval '1 day', placed_at + interval '1 day'
FROM plan WHERE spent > 0;

-- Every hundredth customer was given something by hand once.
INSERT INTO adjustments (id, shop_id, key, customer_id, kind, currency, amount_minor, reason_code, note, state, proposed_by,
    proposed_at, decided_by, decided_at)
SELECT c, 1, 'by-hand-' || c, c, 'credit', 'USD', 500, 'goodwill', 'It came late.', 'booked', 'staff:7', at, 'staff:7', at
FROM (SELECT current_setting('bench.ends')::timestamptz + interval '3 days' AS at) late, generate_series(1, (SELECT MAX(customer_id) FROM plan)) c WHERE c % 100 = 0;

INSERT INTO transfers (shop_id, key, customer_id, adjustment_id, kind, currency, amount_minor, state, created_at,
    sent_minor, shopify_transaction_id, confirmed_at, attempts, empty_reads, needs_person)
SELECT 1, 'credit:adjustment:' || id, customer_id, id, 'credit', 'USD', 500, 'confirmed', proposed_at, 500,
    'gid://shopify/StoreCreditAccountCreditTransaction/by-hand-' || id, proposed_at, 1, 0, false
FROM adjustments;

CREATE TEMP TABLE drafts AS
SELECT row_number() OVER (ORDER BY i, seq) AS id, d.*, row_number() OVER (PARTITION BY customer_id ORDER BY i, seq) AS position
FROM (
    SELECT i, 1 AS seq, customer_id, 'accrual' AS kind, placed_at AS at, i AS reward_id, NULL::bigint AS adjustment_id,
        NULL::bigint AS move_id, 'program:promised' AS source, 'customer:pending' AS destination, granted AS minor, 0 AS owed
    FROM plan WHERE state NOT IN ('ineligible', 'awaiting_customer')
    UNION ALL
    SELECT i, 2, customer_id, 'void', placed_at + interval '2 days', i, NULL, NULL, 'customer:pending', 'program:promised',
        gone, 0
    FROM plan WHERE state = 'voided'
    UNION ALL
    SELECT i, 2, customer_id, 'settlement', placed_at, i, NULL, NULL, 'customer:pending', 'customer:available', granted, 0
    FROM plan WHERE state IN ('settled', 'reversed')
    UNION ALL
    SELECT i, 3, customer_id, 'redemption', placed_at + interval '1 day', NULL, NULL, i, 'customer:available',
        'program:redeemed', spent, 0
    FROM plan WHERE spent > 0
    UNION ALL
    SELECT i, 4, customer_id, 'clawback', placed_at + interval '2 days', i, NULL, NULL, 'customer:available',
        'program:promised', LEAST(gone, 200 - spent), gone - LEAST(gone, 200 - spent)
    FROM plan WHERE state IN ('settled', 'reversed') AND gone > 0
    UNION ALL
    SELECT (SELECT MAX(i) FROM plan) + id, 5, customer_id, 'adjustment', proposed_at, NULL, id, NULL, 'program:adjusted',
        'customer:available', 500, 0
    FROM adjustments
) d;

-- The digest before, and a text: what app/engine/rules/chain.py digests, written down once more.
CREATE OR REPLACE FUNCTION pg_temp.link(bytea, text) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT sha256($1 || convert_to($2, 'UTF8')) $$;
CREATE OR REPLACE AGGREGATE pg_temp.chained(text) (SFUNC = pg_temp.link, STYPE = bytea, INITCOND = '');

INSERT INTO ledger_entries (id, shop_id, key, kind, customer_id, reward_id, currency, occurred_at, recorded_at, actor,
    adjustment_id, move_id, position, digest)
SELECT id, 1, kind || ':order:' || i || ':1', kind, customer_id, reward_id, 'USD', at, at, 'system', adjustment_id, move_id,
    position, pg_temp.chained(concat_ws('|', '1', 1, customer_id, position,
        char_length(kind || ':order:' || i || ':1') || ':' || kind || ':order:' || i || ':1', kind, 'USD',
        (extract(epoch FROM at) * 1000000)::bigint, (extract(epoch FROM at) * 1000000)::bigint, '6:system',
        COALESCE(reward_id::text, ''), COALESCE(adjustment_id::text, ''), COALESCE(move_id::text, ''),
        source || '>' || destination || ':' || minor
            || CASE WHEN owed > 0 THEN ',customer:owed>program:promised:' || owed ELSE '' END))
    OVER (PARTITION BY customer_id ORDER BY position)
FROM drafts ORDER BY id;

INSERT INTO postings (shop_id, entry_id, customer_id, currency, source, destination, amount_minor)
SELECT 1, id, customer_id, 'USD', source, destination, minor
FROM (
    SELECT id, 1 AS part, customer_id, source, destination, minor FROM drafts
    UNION ALL
    SELECT id, 2, customer_id, 'customer:owed', 'program:promised', owed FROM drafts WHERE owed > 0
) parts ORDER BY id, part;

DROP TABLE plan, drafts;
SELECT setval(pg_get_serial_sequence(name, 'id'), 1000000000) FROM unnest(ARRAY['shops', 'customers', 'statements', 'orders',
    'rewards', 'credit_moves', 'adjustments', 'ledger_entries']) name;
