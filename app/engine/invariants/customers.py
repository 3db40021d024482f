"""What customers spent and owe stays theirs, also when Shopify merges two of them."""

from app.engine.invariants.query import breaches

QUERIES = {
    "What an order added to its customer's spend is that customer's": breaches(
        """
        SELECT s.shop_id, format('spend of order %s is booked for another customer', o.shopify_id)
        FROM spend_events s JOIN orders o ON o.id = s.order_id
        WHERE OF_SHOP(s) AND (s.shop_id, s.customer_id) IS DISTINCT FROM (o.shop_id, o.customer_id)
        """
    ),
    "A customer is merged into another one of the same shop, and never in a circle": breaches(
        """
        WITH RECURSIVE steps AS (
            SELECT c.shop_id, c.id, c.merged_into_id AS into_id FROM customers c
            WHERE OF_SHOP(c) AND c.merged_into_id IS NOT NULL
            UNION
            SELECT s.shop_id, s.id, c.merged_into_id FROM steps s JOIN customers c ON c.id = s.into_id
            WHERE c.merged_into_id IS NOT NULL
        )
        SELECT s.shop_id, format('customer %s is merged into itself', s.id) FROM steps s WHERE s.into_id = s.id
        UNION ALL
        SELECT s.shop_id, format('customer %s is merged into customer %s of another shop', s.id, s.into_id)
        FROM steps s JOIN customers c ON c.id = s.into_id WHERE c.shop_id <> s.shop_id
        """
    ),
    "A merge moves what was owed and leaves the programme as it was": breaches(
        """
        SELECT shop_id, format('merges moved %s %s that nobody owed before', SUM(minor), currency)
        FROM (
            SELECT p.shop_id, p.currency, CASE p.source WHEN 'program:external' THEN -p.amount_minor
                ELSE p.amount_minor END AS minor
            FROM ledger_entries e JOIN postings p ON p.entry_id = e.id
            WHERE OF_SHOP(e) AND e.kind = 'merge'
        ) moved
        GROUP BY shop_id, currency HAVING SUM(minor) <> 0
        """
    ),
}
