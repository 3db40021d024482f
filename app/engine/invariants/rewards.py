"""Rewards: what the books hold for them, whose they are, and what goes with which state."""

from app.engine.invariants.query import breaches

QUERIES = {
    "Every known order has a reward, and it is that order's customer's": breaches(
        """
        SELECT o.shop_id, CASE
            WHEN r.id IS NULL THEN format('order %s has no reward', o.shopify_id)
            ELSE format('reward %s is customer %s''s, but its order is customer %s''s',
                        r.id, r.customer_id, o.customer_id) END
        FROM orders o LEFT JOIN rewards r ON r.shop_id = o.shop_id AND r.order_id = o.id
        WHERE OF_SHOP(o) AND (r.id IS NULL OR r.customer_id IS DISTINCT FROM o.customer_id)
        """
    ),
    "The books hold for each reward exactly what it is granted and kept, in the account of its state": breaches(
        # Of all that is booked for a reward, only these two accounts tell what is promised and what still waits.
        """
        WITH booked AS (
            SELECT e.shop_id, e.reward_id AS id,
                SUM(CASE WHEN p.destination = 'customer:pending' THEN p.amount_minor
                         WHEN p.source = 'customer:pending' THEN -p.amount_minor ELSE 0 END) AS pending,
                SUM(CASE WHEN p.destination = 'program:promised' THEN -p.amount_minor
                         WHEN p.source = 'program:promised' THEN p.amount_minor ELSE 0 END) AS promised
            FROM ledger_entries e JOIN postings p ON p.entry_id = e.id
            WHERE OF_SHOP(e) AND e.reward_id IS NOT NULL
            GROUP BY e.shop_id, e.reward_id
        ), due AS (
            SELECT r.shop_id, r.id, r.state, r.granted_minor - r.reversed_minor AS kept,
                r.state IN ('in_review', 'held', 'pending') AS waits, r.state IN ('settled', 'reversed') AS is_settled
            FROM rewards r WHERE OF_SHOP(r)
        )
        SELECT shop_id, format('reward %s is %s and keeps %s, but %s is booked, %s of it pending',
                               id, d.state, d.kept, COALESCE(b.promised, 0), COALESCE(b.pending, 0))
        FROM due d LEFT JOIN booked b USING (shop_id, id)
        WHERE COALESCE(b.promised, 0) <> CASE WHEN d.waits OR d.is_settled THEN d.kept ELSE 0 END
           OR COALESCE(b.pending, 0) <> CASE WHEN d.waits THEN d.kept ELSE 0 END
        """
    ),
    "A reward says what belongs to its state, why it earns nothing, and by which terms": breaches(
        """
        SELECT shop_id, format('reward %s is %s and %s', id, state, wrong)
        FROM (
            SELECT r.shop_id, r.id, r.state, CASE
                WHEN r.state IN ('settled', 'reversed') AND r.settled_at IS NULL THEN 'does not say since when'
                WHEN (r.state = 'held') <> (r.hold_reason IS NOT NULL)
                    THEN format('its hold reason is %s', COALESCE(r.hold_reason, 'none'))
                WHEN r.state <> 'held' AND r.held_until IS NOT NULL THEN 'says until when it is held'
                WHEN r.state <> 'awaiting_customer' AND r.claim_until IS NOT NULL THEN 'can still be claimed'
                WHEN r.state = 'awaiting_customer' AND r.customer_id IS NOT NULL THEN 'has its customer'
                WHEN r.state IN ('in_review', 'held', 'pending', 'settled', 'reversed') AND r.customer_id IS NULL
                    THEN 'has no customer'
                WHEN r.state <> 'voided' AND r.void_reason IS NOT NULL THEN format('void because %s', r.void_reason)
                WHEN r.state = 'voided' AND r.void_reason IS NULL AND r.granted_minor <> r.reversed_minor
                    THEN format('keeps %s without a reason', r.granted_minor - r.reversed_minor)
                WHEN r.state = 'reversed' AND r.granted_minor <> r.reversed_minor
                    THEN format('keeps %s', r.granted_minor - r.reversed_minor)
                WHEN r.state IN ('in_review', 'held', 'pending', 'settled') AND r.granted_minor = r.reversed_minor
                    THEN 'keeps nothing'
                WHEN r.state = 'rejected' AND (r.decided_by IS NULL OR r.decided_at IS NULL)
                    THEN 'does not say who decided it and when'
                WHEN num_nonnulls(r.adjusted_minor, r.adjusted_by, r.adjusted_reason) NOT IN (0, 3)
                    THEN 'says only in part who set which amount, and why'
                WHEN (r.granted_minor = 0) <> (r.ineligible_reason IS NOT NULL)
                    THEN format('grants %s because of %s', r.granted_minor, COALESCE(r.ineligible_reason, 'nothing'))
                WHEN r.state = 'ineligible' AND r.granted_minor <> 0 THEN format('grants %s', r.granted_minor)
                WHEN v.id IS NULL THEN format('of version %s of the terms, which there is not', r.terms_version)
            END AS wrong
            FROM rewards r LEFT JOIN terms_versions v ON v.shop_id = r.shop_id AND v.version = r.terms_version
            WHERE OF_SHOP(r)
        ) looked_at
        WHERE wrong IS NOT NULL
        """
    ),
    "Who had a reward before it was another customer's was left with nothing of it": breaches(
        # Customers who were merged count as the last one kept: together they are one.
        """
        WITH RECURSIVE merged AS (
            SELECT c.shop_id, c.id AS customer_id, c.merged_into_id AS into_id FROM customers c
            WHERE OF_SHOP(c) AND c.merged_into_id IS NOT NULL
            UNION
            SELECT m.shop_id, m.customer_id, c.merged_into_id FROM merged m JOIN customers c ON c.id = m.into_id
            WHERE c.merged_into_id IS NOT NULL
        ), kept AS (
            SELECT customer_id, into_id FROM merged WHERE into_id NOT IN (SELECT customer_id FROM merged)
        ), others AS (
            SELECT r.shop_id, r.id, r.customer_id, COALESCE(k.into_id, e.customer_id) AS other_id, e.id AS entry_id
            FROM rewards r JOIN ledger_entries e ON e.shop_id = r.shop_id AND e.reward_id = r.id
                AND e.customer_id IS DISTINCT FROM r.customer_id
            LEFT JOIN kept k ON k.customer_id = e.customer_id
            WHERE OF_SHOP(r) AND COALESCE(k.into_id, e.customer_id) IS DISTINCT FROM r.customer_id
        )
        SELECT o.shop_id, format('reward %s is customer %s''s, but customer %s was left with %s of it',
                                 o.id, o.customer_id, o.other_id, SUM(p.minor))
        FROM others o CROSS JOIN LATERAL (
            SELECT SUM(CASE 'program:promised' WHEN p.source THEN p.amount_minor
                       WHEN p.destination THEN -p.amount_minor END) AS minor
            FROM postings p WHERE p.shop_id = o.shop_id AND p.entry_id = o.entry_id
        ) p
        GROUP BY o.shop_id, o.id, o.customer_id, o.other_id HAVING SUM(p.minor) <> 0
        """
    ),
}
