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
}
