"""Entries and postings fit together, and with the balances, transfers and moves that they are the books of."""

from app.engine.invariants.query import breaches

QUERIES = {
    "Every entry moves something, and its postings are of its customer and currency": breaches(
        """
        SELECT COALESCE(e.shop_id, p.shop_id), CASE
            WHEN p.id IS NULL THEN format('entry %s (%s) has no posting', e.id, e.key)
            WHEN e.id IS NULL THEN format('posting %s has no entry', p.id)
            ELSE format('posting %s differs from its entry %s (%s)', p.id, e.id, e.key) END
        FROM (SELECT * FROM ledger_entries e WHERE OF_SHOP(e)) e
        FULL JOIN (SELECT * FROM postings p WHERE OF_SHOP(p)) p ON p.entry_id = e.id
        WHERE (p.shop_id, p.customer_id, p.currency) IS DISTINCT FROM (e.shop_id, e.customer_id, e.currency)
        """
    ),
    "No account of a customer but owed is below zero, and owed is never above": breaches(
        """
        SELECT shop_id, format('customer %s has %s %s on %s', customer_id, SUM(minor), currency, account)
        FROM (
            SELECT p.shop_id, p.customer_id, p.currency, p.destination AS account, p.amount_minor AS minor
            FROM postings p WHERE OF_SHOP(p) AND p.destination LIKE 'customer:%'
            UNION ALL
            SELECT p.shop_id, p.customer_id, p.currency, p.source, -p.amount_minor
            FROM postings p WHERE OF_SHOP(p) AND p.source LIKE 'customer:%'
        ) moved
        GROUP BY shop_id, customer_id, currency, account
        HAVING (account <> 'customer:owed' AND SUM(minor) < 0) OR (account = 'customer:owed' AND SUM(minor) > 0)
        """
    ),
    "What is available is what was credited minus what was debited": breaches(
        # Moves and expiries change the account by themselves; every other entry does it by a transfer.
        """
        WITH available AS (
            SELECT p.shop_id, p.customer_id, p.currency,
                SUM(CASE p.destination WHEN 'customer:available' THEN p.amount_minor ELSE -p.amount_minor END) AS minor
            FROM postings p JOIN ledger_entries e ON e.id = p.entry_id
            WHERE OF_SHOP(p) AND 'customer:available' IN (p.source, p.destination)
                AND e.kind NOT IN ('redemption', 'return', 'expiry', 'external')
            GROUP BY p.shop_id, p.customer_id, p.currency
        ), sent AS (
            SELECT t.shop_id, t.customer_id, t.currency,
                SUM(CASE WHEN t.kind = 'credit' THEN t.amount_minor - t.cancelled_minor
                         WHEN t.state IN ('confirmed', 'not_applicable') THEN -t.sent_minor
                         ELSE t.cancelled_minor - t.amount_minor END) AS minor
            FROM transfers t WHERE OF_SHOP(t) GROUP BY t.shop_id, t.customer_id, t.currency
        )
        SELECT shop_id, format('customer %s has %s %s available by entries, but transfers sum to %s',
                               customer_id, COALESCE(a.minor, 0), currency, COALESCE(s.minor, 0))
        FROM available a FULL JOIN sent s USING (shop_id, customer_id, currency)
        WHERE COALESCE(a.minor, 0) <> COALESCE(s.minor, 0)
        """
    ),
    "A transfer that is done says what was sent": breaches(
        """
        SELECT t.shop_id, format('transfer %s is %s without an amount or a transaction of Shopify''s', t.id, t.state)
        FROM transfers t
        WHERE OF_SHOP(t)
            AND ((t.state = 'confirmed' AND (t.sent_minor IS NULL OR t.shopify_transaction_id IS NULL))
                OR (t.state = 'not_applicable' AND t.sent_minor IS DISTINCT FROM 0))
        """
    ),
}
