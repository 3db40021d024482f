"""What people and Shopify moved is in the books once: credit and debit by hand, and moves on the account."""

from app.engine.invariants.query import breaches

QUERIES = {
    "Credit or debit by hand is booked exactly once when it was agreed, and never otherwise": breaches(
        """
        WITH booked AS (
            SELECT e.shop_id, e.adjustment_id AS id, COUNT(DISTINCT e.id) AS entries, MIN(e.customer_id) AS customer_id,
                SUM(CASE p.source WHEN 'program:adjusted' THEN p.amount_minor ELSE 0 END)
                - SUM(CASE p.destination WHEN 'program:adjusted' THEN p.amount_minor ELSE 0 END) AS minor
            FROM ledger_entries e JOIN postings p ON p.entry_id = e.id
            WHERE OF_SHOP(e) AND (e.adjustment_id IS NOT NULL OR e.kind = 'adjustment')
            GROUP BY e.shop_id, e.adjustment_id
        )
        SELECT shop_id, CASE
            WHEN a.id IS NULL THEN format('%s entries move %s by hand, and nobody asked for it', b.entries, b.minor)
            ELSE format('credit or debit by hand %s is %s with %s, but %s is booked in %s entries', a.id, a.state,
                CASE a.kind WHEN 'credit' THEN a.amount_minor ELSE -a.amount_minor END, COALESCE(b.minor, 0),
                COALESCE(b.entries, 0)) END
        FROM (SELECT * FROM adjustments a WHERE OF_SHOP(a)) a FULL JOIN booked b USING (shop_id, id)
        WHERE (COALESCE(b.entries, 0), COALESCE(b.minor, 0), b.customer_id) IS DISTINCT FROM (
            CASE a.state WHEN 'booked' THEN 1 ELSE 0 END,
            CASE WHEN a.state <> 'booked' THEN 0 WHEN a.kind = 'credit' THEN a.amount_minor ELSE -a.amount_minor END,
            CASE a.state WHEN 'booked' THEN a.customer_id END
        )
        """
    ),
    "What moved on the account in Shopify besides our transfers is booked exactly once": breaches(
        """
        WITH booked AS (
            SELECT e.shop_id, e.move_id AS id, COUNT(DISTINCT e.id) AS entries, MIN(e.kind) AS kind,
                MIN(e.customer_id) AS customer_id, SUM(CASE 'customer:available' WHEN p.destination THEN p.amount_minor
                    WHEN p.source THEN -p.amount_minor ELSE 0 END) AS minor
            FROM ledger_entries e JOIN postings p ON p.entry_id = e.id
            WHERE OF_SHOP(e) AND (e.move_id IS NOT NULL OR e.kind IN ('redemption', 'return'))
            GROUP BY e.shop_id, e.move_id
        ), moved AS (
            SELECT m.shop_id, m.id, m.customer_id, replace(replace(m.kind, '_credit', ''), '_debit', '') AS kind,
                CASE WHEN m.kind IN ('return', 'external_credit') THEN m.amount_minor ELSE -m.amount_minor END AS minor
            FROM credit_moves m WHERE OF_SHOP(m)
        )
        SELECT shop_id, CASE
            WHEN m.id IS NULL THEN format('%s entries book %s as moved in Shopify, but there is no such move',
                                          b.entries, b.minor)
            ELSE format('move %s is %s of customer %s by %s, but %s entries book %s of customer %s by %s', m.id,
                m.kind, m.customer_id, m.minor, COALESCE(b.entries, 0), b.kind, b.customer_id, b.minor) END
        FROM moved m FULL JOIN booked b USING (shop_id, id)
        WHERE (b.entries, b.kind, b.customer_id, b.minor) IS DISTINCT FROM (1, m.kind, m.customer_id, m.minor)
        """
    ),
    "What had to be presumed to come from outside is taken back at most once": breaches(
        """
        SELECT e.shop_id, format('customer %s has %s %s presumed from outside', e.customer_id, SUM(
            CASE p.source WHEN 'program:external' THEN p.amount_minor ELSE -p.amount_minor END), e.currency)
        FROM ledger_entries e JOIN postings p ON p.entry_id = e.id
        WHERE OF_SHOP(e) AND e.kind = 'external' AND e.move_id IS NULL
        GROUP BY e.shop_id, e.customer_id, e.currency
        HAVING SUM(CASE p.source WHEN 'program:external' THEN p.amount_minor ELSE -p.amount_minor END) < 0
        """
    ),
    "No credit expired more than there was of it, nor twice because Shopify told of it, too": breaches(
        # Our own reckoning names the transfer in its key; Shopify's word names the transaction that expired.
        """
        WITH reckoned AS (
            SELECT e.shop_id, split_part(e.key, ':', 3)::bigint AS id,
                SUM(CASE p.destination WHEN 'program:expired' THEN p.amount_minor ELSE -p.amount_minor END) AS minor
            FROM ledger_entries e JOIN postings p ON p.entry_id = e.id
            WHERE OF_SHOP(e) AND e.kind = 'expiry' AND e.move_id IS NULL
            GROUP BY e.shop_id, split_part(e.key, ':', 3)
        )
        SELECT t.shop_id, format('of transfer %s over %s, %s is booked as expired%s', t.id,
                               t.amount_minor - t.cancelled_minor, r.minor, CASE WHEN m.id IS NOT NULL
                               THEN format(', and move %s books it, too', m.id) END)
        FROM reckoned r JOIN transfers t USING (shop_id, id)
        LEFT JOIN credit_moves m ON m.shop_id = t.shop_id AND m.key = 'expiration:' || t.shopify_transaction_id
        WHERE r.minor < 0 OR r.minor > t.amount_minor - t.cancelled_minor OR (r.minor > 0 AND m.id IS NOT NULL)
        """
    ),
}
